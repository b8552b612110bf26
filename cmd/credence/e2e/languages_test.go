package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// buildExample builds an example that needs more than Go, as a user would, once
// for all tests. The test is skipped when its toolchain is missing, unless the
// environment says that none may be.
func buildExample(t *testing.T, name string) []byte {
	t.Helper()
	build, _ := examplesBuilt.LoadOrStore(name, sync.OnceValues(func() ([]byte, error) {
		cmd := exec.Command("bash", "examples/build.sh", name)
		cmd.Dir, cmd.Env = root, append(os.Environ(), "CREDENCE="+binary)
		return cmd.CombinedOutput()
	}))
	out, err := build.(func() ([]byte, error))()
	require.NoError(t, err, "%s", out)
	if strings.Contains(string(out), "SKIPPED") {
		t.Skip(string(out))
	}
	wasm, err := os.ReadFile(filepath.Join(root, "examples/build", name+".wasm"))
	require.NoError(t, err)
	return wasm
}

var examplesBuilt sync.Map // name -> func() ([]byte, error)

// provision registers credentials with a body, given as it is.
func (s *server) provision(status int, app, id, body string) {
	s.t.Helper()
	s.must(status, http.MethodPost, app+"/credentials", object{"id": id, "body": base64.StdEncoding.EncodeToString([]byte(body))})
}

// The example in Rust: of each site only so many devices are in use at once,
// also when all of them come at the same moment, and a revoked one frees its
// place.
func TestTheSiteQuotaHoldsUnderARace(t *testing.T) {
	wasm := buildExample(t, "rust-site-quota")
	s := newServer(t)
	digest := s.must(http.StatusCreated, http.MethodPost, "/v1/modules", wasm)["digest"]
	deploy := func(status int, quota any) map[string]any {
		sites := []object{{"prefix": "berlin-", "quota": quota}, {"prefix": "munich-", "quota": 1}}
		return s.must(status, http.MethodPut, "/v1/credentials-services/sites", object{"module": digest, "config": object{"sites": sites}})
	}
	require.Contains(t, deploy(http.StatusBadRequest, "five")["detail"], "/sites/0/quota in the configuration is not a whole number")
	deploy(http.StatusCreated, 5)
	app := s.app("plants", "sites")

	const devices, quota = 12, 5
	for n := range devices {
		s.provision(http.StatusCreated, app, fmt.Sprint("berlin-", n), "key")
	}
	s.provision(http.StatusCreated, app, "munich-0", "key")
	s.provision(http.StatusOK, app, "munich-0", "key")
	s.provision(http.StatusConflict, app, "munich-0", "another key")
	s.provision(http.StatusForbidden, app, "paris-0", "key")

	accepted := s.verifyAtOnce(app, devices)
	require.Len(t, accepted, quota)
	for _, id := range accepted { // once more, which counts nothing
		decision, _ := s.verify(app, id)
		require.Equal(t, "ACCEPTED", decision)
	}
	decision, _ := s.verify(app, "munich-0")
	require.Equal(t, "ACCEPTED", decision, "the sites are apart")

	var left string // one who is refused
	for n := range devices {
		if id := fmt.Sprint("berlin-", n); !slices.Contains(accepted, id) {
			left = id
			require.Contains(t, s.detail(app, id), "the site berlin- has 5 devices in use")
		}
	}
	s.must(http.StatusOK, http.MethodPost, app+"/credentials/"+accepted[0]+"/revoke", nil)
	require.Eventually(t, func() bool { // the module hears of it after the answer
		decision, _ := s.verify(app, left)
		return decision == "ACCEPTED"
	}, 10*time.Second, 20*time.Millisecond)
	_, reason := s.verify(app, accepted[0])
	require.Equal(t, "REVOKED", reason)
	require.Len(t, s.verifyAtOnce(app, devices), quota, "one left, one came")
}

// verifyAtOnce lets devices connect at the same moment, and returns the ids of
// those that were accepted.
func (s *server) verifyAtOnce(app string, devices int) []string {
	s.t.Helper()
	var (
		group    sync.WaitGroup
		mu       sync.Mutex
		accepted []string
		failures atomic.Int32
	)
	ctx, cancel := context.WithTimeout(s.t.Context(), 60*time.Second)
	defer cancel()
	for n := range devices {
		group.Go(func() {
			id := fmt.Sprint("berlin-", n)
			for { // a conflict with many others, or a busy machine, may ask to come again
				a, err := s.call(ctx, http.MethodPost, app+"/verify", object{"credentialsId": id})
				switch {
				case err != nil:
					failures.Add(1)
					return
				case a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests:
					continue
				case a.json["decision"] == "ACCEPTED":
					mu.Lock()
					accepted = append(accepted, id)
					mu.Unlock()
				case a.json["decision"] != "REJECTED":
					s.t.Errorf("%d %s", a.status, a.body)
				}
				return
			}
		})
	}
	group.Wait()
	require.Zero(s.t, failures.Load())
	return accepted
}

func TestTheSiteQuotaPassesItsOwnTests(t *testing.T) {
	needsTools(t, "/usr/bin/rustc")
	runIn(t, root, "bash", "wasmabi/guest-rust/test.sh", "examples/rust-site-quota/src/lib.rs")
}
