package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// deviceRegistry is an external system that knows devices.
type deviceRegistry struct {
	mu      sync.Mutex
	token   string
	devices map[string]string
	asked   map[string]int
}

func (r *deviceRegistry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := filepath.Base(request.URL.Path)
	r.asked[id]++
	body, found := r.devices[id]
	switch {
	case request.Header.Get("Authorization") != "Bearer "+r.token:
		w.WriteHeader(http.StatusUnauthorized)
	case !found:
		w.WriteHeader(http.StatusNotFound)
	default:
		fmt.Fprint(w, body)
	}
}

func (r *deviceRegistry) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

func (r *deviceRegistry) count(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[id]
}

// registryModule builds the example for a registry at another address than its
// manifest has, as whoever deploys it does.
func registryModule(t *testing.T, url, grants string) []byte {
	t.Helper()
	manifest, err := os.ReadFile(filepath.Join(root, "examples/go-registry/manifest.json"))
	require.NoError(t, err)
	manifest = bytes.ReplaceAll(manifest, []byte("https://registry.example.com/devices/"), []byte(url))
	dir := t.TempDir()
	plain, own, packed := filepath.Join(dir, "plain.wasm"), filepath.Join(dir, "manifest.json"), filepath.Join(dir, "packed.wasm")
	require.NoError(t, os.WriteFile(plain, buildExample(t, "go-registry"), 0o600))
	require.NoError(t, os.WriteFile(own, manifest, 0o600))
	out, err := exec.Command(binary, "module", "pack", "--manifest", own, plain, "-o", packed).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, compile(packed, "--config", `{"url": "`+url+`"}`, "--grants", grants).run())
	wasm, err := os.ReadFile(packed)
	require.NoError(t, err)
	return wasm
}

// The example of an external registry: a real one over HTTP, with a token that
// the module never sees, and that goes away.
func TestTheRegistryServesAndGoesAway(t *testing.T) {
	registry := &deviceRegistry{token: "t0p", asked: map[string]int{}, devices: map[string]string{
		"SN-1": `{"state": "active"}`, "SN-2": `{"state": "active", "validUntil": "2020-01-01T00:00:00Z"}`, "SN-3": `{"state": "stolen"}`,
	}}
	external := httptest.NewServer(registry)
	t.Cleanup(external.Close)
	url := external.URL + "/devices/"

	grants := `{"kv": {}, "clock": {}, "secrets": ["registry-token"], "http": [{"url": "` + url + `", "methods": ["GET"], "allowPrivate": true}]}`

	t.Setenv("CREDENCE_MODULES__HTTP__ALLOWPRIVATE", "true")
	s := newServer(t)
	digest := s.must(http.StatusCreated, http.MethodPost, "/v1/modules", registryModule(t, url, grants))["digest"]
	deployment := object{"module": digest, "config": object{"url": url, "secret": "registry-token", "cacheSeconds": 0, "timeoutMs": 200}}
	refused := s.must(http.StatusConflict, http.MethodPut, "/v1/credentials-services/registry", deployment)
	require.Contains(t, fmt.Sprint(refused["missing"]), "registry-token")
	require.Contains(t, fmt.Sprint(refused["missing"]), url)

	deployment["grants"] = json.RawMessage(grants)
	s.must(http.StatusCreated, http.MethodPut, "/v1/credentials-services/registry", deployment)
	app := s.app("plant", "registry")
	// A busy machine may let a call run out of its 250 ms, so we ask again.
	eventually := func(app, id string, is func(a answer) bool) {
		t.Helper()
		var last answer
		defer func() {
			if t.Failed() {
				t.Logf("the last answer for %s: %d %s", id, last.status, last.body)
			}
		}()
		require.Eventually(t, func() bool {
			var err error
			last, err = s.call(t.Context(), http.MethodPost, app+"/verify", object{"credentialsId": id})
			return err == nil && is(last)
		}, 30*time.Second, 50*time.Millisecond, id)
	}
	verify := func(app, id, decision, reason string) {
		t.Helper()
		eventually(app, id, func(a answer) bool {
			got, _ := a.json["reason"].(string)
			return a.status == http.StatusOK && a.json["decision"] == decision && got == reason
		})
	}
	unavailable := func(id string) {
		t.Helper()
		eventually(app, id, func(a answer) bool { return a.status == http.StatusServiceUnavailable })
	}

	unavailable("SN-1") // without the token the registry cannot be asked
	s.must(http.StatusCreated, http.MethodPut, "/v1/secrets/registry-token", object{"value": []byte("t0p")})
	verify(app, "SN-1", "ACCEPTED", "")
	verify(app, "SN-2", "REJECTED", "EXPIRED")
	verify(app, "SN-3", "REJECTED", "REVOKED")
	verify(app, "SN-9", "REJECTED", "NOT_FOUND")
	verify(app, "a/../SN-1", "REJECTED", "NOT_FOUND")

	patient := s.must(http.StatusCreated, http.MethodPost, "/v1/applications", object{
		"name": "patient", "credentialsService": "registry", "serviceConfig": object{"cacheSeconds": 3600},
	})
	cached := "/v1/applications/" + patient["id"].(string)
	verify(cached, "SN-1", "ACCEPTED", "")
	before := registry.count("SN-1")
	for range 5 {
		verify(cached, "SN-1", "ACCEPTED", "")
	}
	require.Equal(t, before, registry.count("SN-1"), "the answer is kept")

	registry.set(func() { delete(registry.devices, "SN-1"); registry.devices["SN-4"] = `{"state": "active"}` })
	verify(app, "SN-1", "REJECTED", "REVOKED")
	verify(app, "SN-4", "ACCEPTED", "")

	external.Close()
	verify(app, "SN-4", "ACCEPTED", "")
	verify(app, "SN-1", "REJECTED", "REVOKED")
	unavailable("SN-5")
	require.NotContains(t, s.output(), "t0p", "the token is in no log")
}
