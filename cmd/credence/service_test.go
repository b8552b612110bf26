package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestModuleUploadListGetDelete(t *testing.T) {
	s := newSite(t, withModules(t))
	path := packed(t)
	table := s.must(t, "module", "upload", path)
	digest := line(t, table, "digest")
	require.Regexp(t, `^sha256:[0-9a-f]{64}$`, digest)
	require.Equal(t, "1.2.3", line(t, table, "version"))
	require.Equal(t, "kv, clock", line(t, table, "capabilities"))
	require.NotContains(t, table, "note")
	require.Equal(t, "this module was there already", line(t, s.must(t, "module", "upload", path), "note"))
	wasm, err := os.ReadFile(path)
	require.NoError(t, err)
	fromStdin := credence(t, s.env(), string(wasm), "module", "upload", "-")
	require.Equal(t, exitDone, fromStdin.code, fromStdin.stderr)

	require.Contains(t, s.must(t, "module", "list"), digest)
	require.Equal(t, digest, s.get(t, "module", "get", digest)["digest"])
	require.Equal(t, "deleted module "+digest+"\n", s.must(t, "module", "delete", digest))
	s.refused(t, "not_found", "module", "get", digest)
	s.refused(t, "not_found", "module", "delete", digest)
	s.refused(t, "invalid", "module", "get", "md5:1")
	s.refused(t, "invalid", "module", "upload", file(t, "text.wasm", "hello"))
	require.Contains(t, s.refused(t, "invalid", "module", "upload", file(t, "large.wasm", bareModule+strings.Repeat("x", 40<<20))), "larger than this route takes")
	require.Equal(t, exitFailed, s.run(t, "module", "upload", "/does/not/exist").code)
}

func TestServiceDeployRollbackDelete(t *testing.T) {
	s := newSite(t, withModules(t))
	digest := line(t, s.must(t, "module", "upload", packed(t)), "digest")

	dry := s.must(t, "service", "deploy", "custom", "--module", digest, "--validate-only")
	require.Equal(t, "this would be deployed; nothing was changed", line(t, dry, "note"))
	s.refused(t, "not_found", "service", "get", "custom")

	table := s.must(t, "service", "deploy", "custom", "--module", digest, "--description", "ours", "--config", `{"a": 1}`,
		"--grants", "@"+file(t, "grants.json", `{"kv": {}, "clock": {}}`), "--limits", `{"callMs": 100}`)
	require.Equal(t, "1", line(t, table, "revision"))
	require.JSONEq(t, `{"a":1}`, line(t, table, "config"))
	require.JSONEq(t, `{"kv":{},"clock":{}}`, line(t, table, "grants"))
	require.JSONEq(t, `{"callMs":100}`, line(t, table, "limits"))
	require.Equal(t, "admin", line(t, table, "deployed by"))

	require.Equal(t, "2", line(t, s.must(t, "service", "deploy", "custom", "--module", digest), "revision"))
	require.Regexp(t, `^CLOSED since 20.*, 0 faults$`, line(t, s.must(t, "service", "get", "custom"), "health"))
	require.Len(t, s.get(t, "service", "revisions", "custom")["items"], 2)
	require.Regexp(t, `(?m)^1 +sha256:[0-9a-f]{12} .* admin +- +ours$`, s.must(t, "service", "revisions", "custom"))
	require.Equal(t, "3", line(t, s.must(t, "service", "rollback", "custom"), "revision"))
	require.Equal(t, "ours", s.get(t, "service", "rollback", "custom", "--revision", "1")["description"])
	s.refused(t, "not_found", "service", "rollback", "custom", "--revision", "99")

	s.must(t, "app", "create", "plant", "--service", "custom")
	require.Contains(t, s.refused(t, "conflict", "service", "delete", "custom"), "choose another service for it first")
	s.must(t, "app", "update", "plant", "--service", "Trustful")
	require.Equal(t, "deleted credentials service custom\n", s.must(t, "service", "delete", "custom"))
}

func TestServiceDeployIsRefused(t *testing.T) {
	s := newSite(t, withModules(t))
	digest := line(t, s.must(t, "module", "upload", packed(t)), "digest")
	s.refused(t, "invalid", "service", "deploy", "custom", "--module", "sha256:1")
	require.Contains(t, s.refused(t, "conflict", "service", "deploy", "custom", "--module", digest, "--grants", `{"kv":{}}`), "clock")
	require.Contains(t, s.refused(t, "invalid", "service", "deploy", "custom", "--module", digest, "--limits", `{"speed":1}`), "speed")
	require.Equal(t, exitFailed, s.run(t, "service", "deploy", "custom", "--module", "sha256:"+strings.Repeat("0", 64)).code)
	s.refused(t, "conflict", "service", "deploy", "Internal", "--module", digest)
	s.refused(t, "not_found", "service", "revisions", "nobody")
	s.refused(t, "not_found", "service", "get", "nobody")
	s.refused(t, "not_found", "service", "delete", "nobody")
}

func TestServiceListIsSortedByName(t *testing.T) {
	s := newCustomSite(t)
	require.Regexp(t, `(?s)^NAME .*\nInternal +builtin +- .*\nTrustful +builtin .*\ncustom +module +1 +sha256:`, s.must(t, "service", "list"))
}
