package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
)

// ran runs a command that must end well, and returns what it prints.
func ran(t *testing.T, verb string, args ...string) string {
	t.Helper()
	out, err := command(verb, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// requireWarning waits until the nodes tell that a restore may have lost
// something, and acknowledges it.
func (s *server) requireWarning() {
	s.t.Helper()
	nodes := func() string { return fmt.Sprint(s.must(http.StatusOK, http.MethodGet, "/v1/nodes", nil)) }
	const warning = "the state was restored from a backup (generation 1): revocations, ended sessions, deletions and claims made between"
	require.Eventually(s.t, func() bool { return strings.Contains(nodes(), warning) }, 20*time.Second, 50*time.Millisecond)
	require.Contains(s.t, s.output(), warning)
	s.must(http.StatusOK, http.MethodPost, "/v1/generation/acknowledge", object{"number": 1})
	require.Eventually(s.t, func() bool { return !strings.Contains(nodes(), "restored") }, 20*time.Second, 50*time.Millisecond)
}

func TestARunningServerIsBackedUpAndRestoredAndSaysWhatMayBeLost(t *testing.T) {
	s := newServer(t)
	app := s.app("plant", "Internal")
	for _, id := range []string{"kept", "revoked-before", "revoked-after"} {
		s.must(http.StatusCreated, http.MethodPost, app+"/credentials", object{"id": id, "body": "AAAA"})
	}
	s.must(http.StatusOK, http.MethodPost, app+"/credentials/revoked-before/revoke", nil)
	file := filepath.Join(t.TempDir(), "backup")
	require.Contains(t, ran(t, "backup", file, "--data-dir", s.dir), file+" holds the state as of ")
	out, err := command("backup", file, "--data-dir", s.dir).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "--force")
	revoked := s.must(http.StatusOK, http.MethodPost, app+"/credentials/revoked-after/revoke", nil)
	s.stop()

	out, err = command("backup", filepath.Join(t.TempDir(), "late"), "--data-dir", s.dir).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "no server runs on the data directory")
	out, err = command("restore", file, "--data-dir", s.dir).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "holds a state already")
	require.NoError(t, os.Rename(filepath.Join(s.dir, "etcd"), filepath.Join(s.dir, "etcd.old")))
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	cut := filepath.Join(t.TempDir(), "cut")
	require.NoError(t, os.WriteFile(cut, whole[:len(whole)/2], 0o600))
	out, err = command("restore", cut, "--data-dir", s.dir).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "damaged")
	require.NoDirExists(t, filepath.Join(s.dir, "etcd"))
	require.Contains(t, ran(t, "restore", file, "--data-dir", s.dir), "is lost, revocations among it")

	s.start()
	decision, _ := s.verify(app, "kept")
	require.Equal(t, "ACCEPTED", decision)
	_, reason := s.verify(app, "revoked-before")
	require.Equal(t, "REVOKED", reason)
	decision, _ = s.verify(app, "revoked-after")
	require.Equal(t, "ACCEPTED", decision, "a backup cannot know of it")
	s.requireWarning()
	lost := fmt.Sprint("at-least=", int64(revoked["resourceVersion"].(float64)))
	a, err := s.call(t.Context(), http.MethodPost, app+"/verify", object{"credentialsId": "revoked-after", "consistency": lost})
	require.NoError(t, err)
	require.Equal(t, http.StatusGone, a.status, "%s", a.body)
	require.Contains(t, string(a.body), "was lost when the state was restored")
}

func TestAClusterThatEtcdsToolsHaveRestoredIsMarked(t *testing.T) {
	e := newEtcd(t)
	s := newServer(t, "--etcd-endpoints", e.addr)
	app := s.app("plant", "Internal")
	s.must(http.StatusCreated, http.MethodPost, app+"/credentials", object{"id": "kept", "body": "AAAA"})
	file := filepath.Join(t.TempDir(), "backup")
	ran(t, "backup", file, "--etcd-endpoints", e.addr)
	s.must(http.StatusOK, http.MethodPost, app+"/credentials/kept/revoke", nil)
	s.stop()
	e.kill()

	fields := strings.Fields(strings.TrimPrefix(e.env, etcdEnv+"="))
	dir, peer := fields[0], fields[2]
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, snapshot.NewV3(zap.NewNop()).Restore(snapshot.RestoreConfig{
		SnapshotPath: file, OutputDataDir: dir, Name: "default", PeerURLs: []string{peer}, InitialCluster: "default=" + peer,
		InitialClusterToken: "restored", RevisionBump: 1_000_000_000_000, MarkCompacted: true,
	}))
	e.start()
	require.Contains(t, ran(t, "restore", "--mark", file, "--etcd-endpoints", e.addr), "marked as restored. It is of generation 1")
	s.start()
	decision, _ := s.verify(app, "kept")
	require.Equal(t, "ACCEPTED", decision, "a backup cannot know of it")
	s.requireWarning()
}
