package e2e

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The main job: provision, verify, deploy a module without a restart, verify
// through it, revoke, be refused.
func TestTheMainJobWorks(t *testing.T) {
	s := newServer(t)
	app := s.app("plant", "Internal")
	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	key := base64.StdEncoding.EncodeToString(der)
	id := s.must(http.StatusCreated, http.MethodPost, app+"/credentials", object{"body": key})["id"].(string)
	s.must(http.StatusOK, http.MethodPost, app+"/credentials", object{"body": key})
	v := s.must(http.StatusOK, http.MethodPost, app+"/verify", object{"credentialsId": id, "publicKey": key})
	require.Equal(t, "ACCEPTED", v["decision"], v)

	s.deployAllowlist("allowlist")
	line := s.app("line", "allowlist")
	s.must(http.StatusCreated, http.MethodPost, line+"/credentials", object{
		"id": "range:SN-001000..SN-001999", "body": base64.StdEncoding.EncodeToString([]byte(`{"quota":1}`)),
	})
	for serial, want := range map[string]string{"SN-777777": "NOT_FOUND", "SN-001001": ""} {
		_, reason := s.verify(line, serial)
		if want == "" {
			require.Nil(t, reason)
		} else {
			require.Equal(t, want, reason)
		}
	}
	_, reason := s.verify(line, "SN-001002")
	require.Equal(t, "DENIED_BY_SERVICE", reason)

	for _, c := range []struct{ app, id string }{{app, id}, {line, "SN-001001"}} {
		revoked := s.must(http.StatusOK, http.MethodPost, c.app+"/credentials/"+c.id+"/revoke?wait=enforced", nil)
		require.Equal(t, "ENFORCED", revoked["enforcement"].(object)["state"])
		decision, reason := s.verify(c.app, c.id)
		require.Equal(t, "REJECTED", decision)
		require.Equal(t, "REVOKED", reason)
	}
	require.NotContains(t, s.output(), password)
}

// Whatever was acknowledged is there after a power cut.
func TestStateSurvivesAKill(t *testing.T) {
	s := newServer(t)
	app := s.app("plant", "Internal")
	s.deployAllowlist("allowlist")
	line := s.app("line", "allowlist")
	revoked := s.must(http.StatusCreated, http.MethodPost, app+"/credentials", object{"id": "stolen", "body": ""})["id"].(string)
	s.must(http.StatusOK, http.MethodPost, app+"/credentials/"+revoked+"/revoke", nil)
	acknowledged := s.provisionUntil(app, func() {
		time.Sleep(500 * time.Millisecond)
		s.kill()
	})
	require.NotEmpty(t, acknowledged)
	s.start()
	s.requireProvisioned(app, acknowledged)
	_, reason := s.verify(app, revoked)
	require.Equal(t, "REVOKED", reason)
	_, reason = s.verify(line, "SN-1")
	require.Equal(t, "NOT_FOUND", reason, "the module serves again")
}

// provisionUntil provisions from several clients while do runs, and returns the
// ids that were acknowledged.
func (s *server) provisionUntil(app string, do func()) []string {
	ctx, cancel := context.WithCancel(s.t.Context())
	var mu sync.Mutex
	var acknowledged []string
	var group sync.WaitGroup
	for client := range 4 {
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id := fmt.Sprintf("device-%d-%d", client, n)
				a, err := s.call(ctx, http.MethodPost, app+"/credentials", object{"id": id, "body": "AAAA"})
				if err == nil && a.status == http.StatusCreated {
					mu.Lock()
					acknowledged = append(acknowledged, id)
					mu.Unlock()
				} else if err == nil && a.status != http.StatusServiceUnavailable && a.status != http.StatusGatewayTimeout {
					s.t.Errorf("provisioning: %d %s", a.status, a.body)
				}
			}
		})
	}
	do()
	cancel()
	group.Wait()
	return acknowledged
}

func (s *server) requireProvisioned(app string, ids []string) {
	s.t.Helper()
	for _, id := range ids {
		c := s.must(http.StatusOK, http.MethodGet, app+"/credentials/"+id, nil)
		require.Equal(s.t, "AVAILABLE", c["status"], "acknowledged, and lost: %s", id)
	}
}

// etcd is away for ten seconds in the middle of writes.
func TestAnAbsentEtcdIsAnswered503AndNothingAcknowledgedIsLost(t *testing.T) {
	e := newEtcd(t)
	s := newServer(t, "--etcd-endpoints", e.addr)
	app := s.app("plant", "Internal")
	var away answer
	acknowledged := s.provisionUntil(app, func() {
		time.Sleep(500 * time.Millisecond)
		e.kill()
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		began := time.Now()
		var err error
		away, err = s.call(ctx, http.MethodPost, app+"/verify", object{"credentialsId": "device-0-0"})
		require.NoError(t, err)
		time.Sleep(10*time.Second - time.Since(began))
		e.start()
		require.Eventually(t, func() bool {
			a, err := s.call(t.Context(), http.MethodGet, app, nil)
			return err == nil && a.status == http.StatusOK
		}, 30*time.Second, 100*time.Millisecond)
		time.Sleep(500 * time.Millisecond)
	})
	require.Equal(t, http.StatusServiceUnavailable, away.status, "%s", away.body)
	require.Equal(t, "unavailable", away.json["code"])
	s.requireProvisioned(app, acknowledged)
}

// Two servers share an external etcd: what one revokes, the other refuses.
func TestServersThatShareEtcdAgree(t *testing.T) {
	e := newEtcd(t)
	first, second := newServer(t, "--etcd-endpoints", e.addr), newServer(t, "--etcd-endpoints", e.addr)
	app := first.app("plant", "Internal")
	first.deployAllowlist("allowlist")
	line := second.app("line", "allowlist")
	for n := range 10 {
		id := fmt.Sprint("device-", n)
		first.must(http.StatusCreated, http.MethodPost, app+"/credentials", object{"id": id, "body": "AAAA"})
		decision, _ := second.verify(app, id)
		require.Equal(t, "ACCEPTED", decision)
		first.must(http.StatusOK, http.MethodPost, app+"/credentials/"+id+"/revoke", nil)
		_, reason := second.verify(app, id)
		require.Equal(t, "REVOKED", reason)
	}
	_, reason := second.verify(line, "SN-1")
	require.Equal(t, "NOT_FOUND", reason)
	first.must(http.StatusConflict, http.MethodDelete, "/v1/credentials-services/allowlist", nil)
}

func TestTheDemoRunsToItsEnd(t *testing.T) {
	cmd := exec.Command("go", "run", "./cmd/credence/demo", binary, allowlist)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "DEMO_EXIT=1", "CREDENCE_MODULES__CACHEDIR="+moduleCache,
		"CREDENCE_MODULES__COMPILETIMEOUT=1m") // under the race detector
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, want := range []string{"ACCEPTED", "IN_USE", "DENIED_BY_SERVICE", "NOT_FOUND", "REVOKED"} {
		require.Contains(t, string(out), want)
	}
}

func TestTheFirstStartWritesAPasswordOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	cmd := exec.Command(binary, "serve", "--listen", freeAddress(t), "--data-dir", dir)
	cmd.Env = without(os.Environ(), "CREDENCE_BOOTSTRAP_PASSWORD")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	file := filepath.Join(dir, "admin-password")
	require.Eventually(t, func() bool { _, err := os.Stat(file); return err == nil }, 20*time.Second, 20*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait(), out.String())
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(out.String(), strings.TrimSpace(string(text))), out.String())
}

func without(env []string, name string) []string {
	var kept []string
	for _, e := range env {
		if !strings.HasPrefix(e, name+"=") {
			kept = append(kept, e)
		}
	}
	return kept
}
