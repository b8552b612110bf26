package e2e

import (
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine/wasmhost"
)

// A module that asks a registry over HTTPS: the operator grants it, the node
// trusts the registry's authority and allows private addresses, and then the
// registry decides.
func TestAModuleAsksTheRegistryThatItsServiceIsGranted(t *testing.T) {
	var asked atomic.Int32
	registry := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = io.WriteString(w, "known")
	}))
	registry.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	registry.StartTLS()
	t.Cleanup(registry.Close)
	authority := filepath.Join(t.TempDir(), "registry.pem")
	require.NoError(t, os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: registry.Certificate().Raw}), 0o600))

	modules := hostileModules(t)
	at := slices.IndexFunc(modules, func(file string) bool { return strings.HasSuffix(file, "http-get.wasm") })
	wasm, err := os.ReadFile(modules[at])
	require.NoError(t, err)
	rule := object{"url": registry.URL + "/devices/", "methods": []any{"GET"}}
	packed, err := wasmhost.Pack(wasm, []byte(`{"abi":1,"name":"registry","version":"1","capabilities":{"http":[{"url":"`+registry.URL+`/devices/"}]}}`))
	require.NoError(t, err)
	granted := object{"http": []any{object{"url": registry.URL + "/devices/", "methods": []any{"GET"}, "allowPrivate": true}}}

	for name, env := range map[string][]string{
		"open":      {"CREDENCE_MODULES__HTTP__ALLOW_PRIVATE=true", "CREDENCE_MODULES__HTTP__CA_FILE=" + authority},
		"untrusted": {"CREDENCE_MODULES__HTTP__ALLOW_PRIVATE=true"},
		"closed":    {"CREDENCE_MODULES__HTTP__CA_FILE=" + authority},
		"without":   {"CREDENCE_MODULES__CAPABILITIES=kv,clock"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServerIn(t, env)
			module := s.must(http.StatusCreated, http.MethodPost, "/v1/modules", packed)["digest"]
			const service = "/v1/credentials-services/registry"
			refused := s.must(http.StatusConflict, http.MethodPut, service, object{"module": module})
			require.Equal(t, object{"http": []any{rule}}, refused["missing"])
			switch name {
			case "closed":
				require.Contains(t, s.must(http.StatusConflict, http.MethodPut, service, object{"module": module, "grants": granted})["detail"], "modules.http.allowPrivate")
				return
			case "without":
				require.Contains(t, s.must(http.StatusConflict, http.MethodPut, service, object{"module": module, "grants": object{"http": []any{rule}}})["detail"], "modules.capabilities")
				return
			}
			s.must(http.StatusCreated, http.MethodPut, service, object{"module": module, "grants": granted})
			app := s.app("devices", "registry")
			asked.Store(0)
			if name == "untrusted" {
				s.must(http.StatusServiceUnavailable, http.MethodPost, app+"/verify", object{"credentialsId": registry.URL + "/devices/1"})
				require.Zero(t, asked.Load())
				return
			}
			decision, reason := s.verify(app, registry.URL+"/devices/1")
			require.Equal(t, "ACCEPTED", decision, "%v", reason)
			require.Positive(t, asked.Load())
			asked.Store(0)
			a, err := s.call(t.Context(), http.MethodPost, app+"/verify", object{"credentialsId": registry.URL + "/admin"})
			require.NoError(t, err)
			require.NotEqual(t, "ACCEPTED", a.json["decision"])
			require.Zero(t, asked.Load())
		})
	}
}
