package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// asking uploads a module whose manifest asks for these capabilities.
func (s *site) asking(t *testing.T, version, capabilities string) string {
	t.Helper()
	path := file(t, "asking.wasm", bareModule)
	manifest := `{"abi":1,"name":"asking","version":"` + version + `","capabilities":` + capabilities + `}`
	r := credence(t, nil, "", "module", "pack", path, "--manifest", file(t, "manifest.json", manifest), "-o", path)
	require.Equal(t, exitDone, r.code, r.stderr)
	return line(t, s.must(t, "module", "upload", path), "digest")
}

func TestAModuleThatAsksForMoreThanIsGrantedIsNotDeployed(t *testing.T) {
	s := newSite(t, withModules(t))
	modest := s.asking(t, "1", `{"kv":{}}`)
	s.must(t, "service", "deploy", "custom", "--module", modest)
	asked := `{"kv":{},"http":[{"url":"https://erp.example.com/devices/","methods":["GET","POST"]}],"secrets":["erp-token","other"]}`
	greedy := s.asking(t, "2", asked)
	for grants, missing := range map[string]string{
		``: `{"http":[{"url":"https://erp.example.com/devices/","methods":["GET","POST"]}],"secrets":["erp-token","other"]}`,
		`{"kv":{},"http":[{"url":"https://erp.example.com/","methods":["GET"]}],"secrets":["other"]}`:            `{"http":[{"url":"https://erp.example.com/devices/","methods":["POST"]}],"secrets":["erp-token"]}`,
		`{"http":[{"url":"https://erp.example.com/","methods":["GET","POST"]}],"secrets":["other","erp-token"]}`: `{"kv":{}}`,
	} {
		args := []string{"service", "deploy", "custom", "--module", greedy}
		if grants != "" {
			args = append(args, "--grants", grants)
		}
		r := s.run(t, args...)
		require.Equal(t, exitFailed, r.code)
		message, shape, found := strings.Cut(r.stderr, "missing in --grants: ")
		require.True(t, found, r.stderr)
		require.Contains(t, message, "asks for more than the service is granted")
		require.Contains(t, message, "field /grants")
		require.JSONEq(t, missing, shape)
		require.Equal(t, modest, s.get(t, "service", "get", "custom")["module"], "what served still serves")
	}
	s.must(t, "service", "deploy", "custom", "--module", greedy, "--grants", asked)
	module := s.get(t, "module", "get", greedy)
	require.Equal(t, []any{"kv", "http", "secrets"}, module["capabilities"])
	require.Equal(t, []any{"erp-token", "other"}, module["manifest"].(map[string]any)["capabilities"].(map[string]any)["secrets"])
}
