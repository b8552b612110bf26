package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"hash"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// judge is the guest that tries the host's functions, see engine/wasmhost. A
// provision of the id "http_call" succeeds if that function did what it should.
func judge(t *testing.T, rules string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tck.wasm")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", path, "../../engine/wasmhost/testdata/tck")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	manifest := `{"abi":1,"name":"tck","version":"1","capabilities":{"kv":{},"clock":{},"random":{},"crypto":{},"secrets":["shared","absent"],"http":` + rules + `}}`
	r := credence(t, nil, "", "module", "pack", path, "--manifest", file(t, "manifest.json", manifest), "-o", path)
	require.Equal(t, exitDone, r.code, r.stderr)
	return path
}

func TestModuleRunPlaysOtherSystemsAndSecrets(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	wasm := judge(t, `[{"url":"https://erp.example.com/api/","methods":["GET","POST"]},{"url":"`+server.URL+`/api/"}]`)
	env := []string{"XDG_CACHE_HOME=" + t.TempDir()}

	answers, err := json.Marshal([]httpAnswer{
		{Method: "GET", URL: "https://erp.example.com/api/ok*", Headers: map[string]string{"X-Answer": "yes"}, Body: "GET /ok?q=1 "},
		{Method: "POST", URL: "https://erp.example.com/api/ok", Body: "POST /ok sent"},
		{URL: "https://erp.example.com/api/moved", Status: http.StatusFound, Headers: map[string]string{"Location": "/"}},
		{URL: "https://erp.example.com/api/long", Body: strings.Repeat("x", 64<<10+1)},
	})
	require.NoError(t, err)
	played := []string{"--http", file(t, "answers.json", string(answers)), "--config", `{"url":"https://erp.example.com/api"}`}
	run := func(code int, id string, args ...string) result {
		t.Helper()
		r := credence(t, env, "", append([]string{"module", "run", "provide", wasm, "--input", `{"id":"` + id + `"}`}, args...)...)
		require.Equal(t, code, r.code, "%s%s", r.stdout, r.stderr)
		return r
	}
	run(exitDone, "http_call", played...)
	run(exitDone, "result_read", played...)
	r := run(exitFailed, "http_headers", played...)
	require.Contains(t, r.stderr, "--http has no answer to GET https://erp.example.com/api/header: add an entry for it")
	r = run(exitFailed, "http_quota", "--config", `{"url":"https://erp.example.com/api"}`)
	require.Contains(t, r.stdout, "a call", "without --http nothing is sent")

	grants := `{"kv":{},"clock":{},"random":{},"crypto":{},"secrets":["shared","absent"],"http":[{"url":"https://erp.example.com/","methods":["GET","POST"]},{"url":"` + server.URL + `/","allowPrivate":true}]}`
	run(exitDone, "http_quota", "--http", "real", "--config", `{"url":"`+server.URL+`/api"}`, "--grants", grants)

	expected := map[string]string{}
	for name, h := range map[string]func() hash.Hash{"sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New, "sha1": sha1.New} {
		mac := hmac.New(h, []byte("the secret"))
		mac.Write([]byte("data"))
		expected[name] = hex.EncodeToString(mac.Sum(nil))
	}
	config, err := json.Marshal(map[string]any{"expected": expected})
	require.NoError(t, err)
	secret := "shared=@" + file(t, "secret", "the secret\n")
	r = run(exitDone, "secret_hmac", "--secret", secret, "--config", string(config))
	require.NotContains(t, r.stdout+r.stderr, "the secret")

	proof := outcome(t, env, exitFailed, "verify-proof", wasm, "--input", `{"id":"a","proof":{"type":"t","challenge":"AA==","text":"x"}}`)
	require.Equal(t, "PERMISSION_DENIED", proof.Status)

	r = credence(t, env, "", "module", "check", wasm)
	require.Equal(t, exitDone, r.code, r.stdout)
	require.Contains(t, r.stdout, `namely http (GET and POST https://erp.example.com/api/), http (GET `+server.URL+`/api/), secrets (shared), secrets (absent): deploy it with the grants {"kv":{}`)
	require.Contains(t, r.stdout, "[grants_needed]")
}

func TestModuleRunRefusesWhatItCannotReach(t *testing.T) {
	wasm := packed(t)
	for says, args := range map[string][]string{
		`--secret "a=b": give NAME=@file`: {"--secret", "a=b"},
		"holds no answers: it should be":  {"--http", file(t, "answers.json", `{}`)},
	} {
		r := credence(t, nil, "", append([]string{"module", "run", "lookup", wasm}, args...)...)
		require.Equal(t, exitUsage, r.code, r.stderr)
		require.Contains(t, r.stderr, says)
	}
	r := credence(t, nil, "", "module", "run", "lookup", wasm, "--http", "/does/not/exist")
	require.Equal(t, exitFailed, r.code)
}
