package e2e

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A secret through a running server at its most talkative: its value is in no
// log, and nowhere in the data directory, also not after a restart.
func TestTheValueOfASecretIsNowhereOnTheDisk(t *testing.T) {
	const plaintext = "hunter2-the-plaintext"
	s := newServer(t, "--log-level", "debug")
	encoded := base64.StdEncoding.EncodeToString([]byte(plaintext))
	for _, status := range []int{http.StatusCreated, http.StatusOK} {
		s.must(status, http.MethodPut, "/v1/secrets/erp-token", object{"value": encoded})
	}
	s.must(http.StatusBadRequest, http.MethodPut, "/v1/secrets/-", object{"value": encoded})
	s.must(http.StatusBadRequest, http.MethodPut, "/v1/secrets/erp-token", object{"value": plaintext})
	require.Less(t, s.stop().Seconds(), 20.0)
	s.start()
	list := s.must(http.StatusOK, http.MethodGet, "/v1/secrets", nil)
	require.Len(t, list["items"], 1)
	s.stop()

	info, err := os.Stat(filepath.Join(s.dir, "secret.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	files := 0
	require.NoError(t, filepath.WalkDir(filepath.Dir(s.dir), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		files++
		for _, trace := range []string{plaintext, encoded} {
			require.False(t, bytes.Contains(content, []byte(trace)), "%s holds the secret", path)
		}
		return err
	}))
	require.Greater(t, files, 3, "the log, the key and etcd's files were read")
}

// A cluster has no key unless it is told one: two nodes with different keys
// say so.
func TestNodesOfAClusterAreGivenTheirKey(t *testing.T) {
	e := newEtcd(t)
	bare := newServer(t, "--etcd-endpoints", e.addr)
	value := object{"value": "eA=="}
	refused := bare.must(http.StatusMethodNotAllowed, http.MethodPut, "/v1/secrets/a", value)
	require.Contains(t, refused["detail"], "CREDENCE_SECRETS__KEY")
	config := filepath.Join(t.TempDir(), "credence.yaml")
	text := "secrets:\n  key: " + base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n"
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	keyed := newServer(t, "--etcd-endpoints", e.addr, "--config", config)
	keyed.must(http.StatusCreated, http.MethodPut, "/v1/secrets/a", value)
	require.Len(t, bare.must(http.StatusOK, http.MethodGet, "/v1/secrets", nil)["items"], 1, "names need no key")
}
