package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// provisionLarge adds credentials of some 40 KB and returns the status.
func (s *server) provisionLarge(app, id string) int {
	s.t.Helper()
	body := base64.StdEncoding.EncodeToString(make([]byte, 40<<10))
	a, err := s.call(s.t.Context(), http.MethodPost, app+"/credentials", object{"id": id, "body": body})
	require.NoError(s.t, err)
	if a.status == http.StatusTooManyRequests {
		require.Contains(s.t, string(a.body), "nearly")
		require.Contains(s.t, string(a.body), "Verify and revoke go on")
	}
	return a.status
}

// forgets waits until nothing is left of an application that was deleted, and
// compacts what it was.
func (s *server) forgets(app string) {
	s.t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{"unix://" + filepath.Join(s.dir, "run", "etcd.sock")}, Logger: zap.NewNop()})
	require.NoError(s.t, err)
	defer client.Close()
	require.Eventually(s.t, func() bool {
		left, err := client.Get(s.t.Context(), "/credence/v1/cred/"+path.Base(app)+"/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil || left.Count > 0 {
			return false
		}
		_, err = client.Compact(s.t.Context(), left.Header.Revision)
		return err == nil
	}, 30*time.Second, 100*time.Millisecond)
}

func TestANearlyFullStoreVerifiesAndRevokesAndGetsItsRoomBack(t *testing.T) {
	s := newServerIn(t, []string{"CREDENCE_ETCD__EMBEDDED__QUOTA_BYTES=16777216"})
	app, large := s.app("plant", "Internal"), s.app("large", "Internal")
	const devices = 200
	for n := range devices {
		s.must(http.StatusCreated, http.MethodPost, app+"/credentials", object{"id": fmt.Sprint("d", n), "body": "AAAA"})
	}
	n := 0
	require.Eventually(t, func() bool { // what was just added counts twice for a second, so it may take several runs
		for s.provisionLarge(large, fmt.Sprint("l", n)) == http.StatusCreated {
			n++
		}
		return strings.Contains(fmt.Sprint(s.must(http.StatusOK, http.MethodGet, "/v1/nodes", nil)), " nearly ")
	}, time.Minute, 300*time.Millisecond)
	scraped, err := s.call(t.Context(), http.MethodGet, "/metrics", nil)
	require.NoError(t, err)
	require.Contains(t, string(scraped.body), "\ncredence_store_quota_bytes 1.6777216e+07\n")

	for n := range devices { // each claims, and then loses what it has claimed
		id := fmt.Sprint("d", n)
		decision, _ := s.verify(app, id)
		require.Equal(t, "ACCEPTED", decision)
		s.must(http.StatusOK, http.MethodPost, app+"/credentials/"+id+"/revoke", nil)
		_, reason := s.verify(app, id)
		require.Equal(t, "REVOKED", reason)
	}
	ran(t, "backup", filepath.Join(t.TempDir(), "backup"), "--data-dir", s.dir)

	s.must(http.StatusNoContent, http.MethodDelete, large, nil)
	s.stop()
	s.start() // which removes what deleted applications have left
	s.forgets(large)
	require.Eventually(t, func() bool {
		a, err := s.call(t.Context(), http.MethodPost, app+"/credentials", object{"id": "more", "body": "AAAA"})
		return err == nil && a.status == http.StatusCreated
	}, 30*time.Second, 300*time.Millisecond)
	require.Eventually(t, func() bool {
		return !strings.Contains(fmt.Sprint(s.must(http.StatusOK, http.MethodGet, "/v1/nodes", nil)), " nearly ")
	}, 30*time.Second, 100*time.Millisecond)
}
