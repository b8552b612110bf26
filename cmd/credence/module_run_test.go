package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// goModule is a service in Go that uses state, clock, randomness, log and
// configuration, packed with its manifest.
func goModule(t *testing.T) string {
	t.Helper()
	wasm, err := builtGoModule()
	require.NoError(t, err)
	path := file(t, "full.wasm", string(wasm))
	manifest := file(t, "manifest.json", `{"abi":1,"name":"full","version":"1.0.0","capabilities":{"kv":{},"clock":{},"random":{}}}`)
	r := credence(t, nil, "", "module", "pack", path, "--manifest", manifest, "-o", path)
	require.Equal(t, exitDone, r.code, r.stderr)
	return path
}

var builtGoModule = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "full")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "full.wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, "../../wasmabi/guest/testdata/full")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
})

// outcome runs one operation and returns its answer.
func outcome(t *testing.T, env []string, code int, args ...string) outcomeDocument {
	t.Helper()
	r := credence(t, env, "", append([]string{"module", "run"}, args...)...)
	require.Equal(t, code, r.code, "%s%s", r.stdout, r.stderr)
	var d outcomeDocument
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &d))
	return d
}

// One test, since the compilation of a Go module takes long.
func TestModuleRun(t *testing.T) {
	env, wasm := []string{"XDG_CACHE_HOME=" + t.TempDir()}, goModule(t)
	t.Run("takes credentials through their life", func(t *testing.T) { runsALife(t, env, wasm) })
	t.Run("shows logs, configuration and faults", func(t *testing.T) { showsLogs(t, env, wasm) })
}

func runsALife(t *testing.T, env []string, wasm string) {
	t.Helper()
	state := filepath.Join(t.TempDir(), "state.json")
	with := func(method string) []string {
		return []string{method, wasm, "--kv", state, "--input", `{"id":"a","text":"hello"}`}
	}

	require.Equal(t, "OK", outcome(t, env, exitDone, "configure", wasm).Status)
	require.Equal(t, "NOT_FOUND", outcome(t, env, exitFailed, with("lookup")...).Status)
	require.NoFileExists(t, state, "nothing was written")

	provided := outcome(t, env, exitDone, with("provide")...)
	require.True(t, provided.Changed)
	require.Equal(t, &credentialsDocument{ID: "a", Body: []byte("hello"), Status: "AVAILABLE"}, provided.Credentials)
	require.Positive(t, provided.Used.HostCalls)
	require.Positive(t, provided.Used.Fuel)
	content, err := os.ReadFile(state)
	require.NoError(t, err)
	require.JSONEq(t, `[{"key":"a","value":"hello"}]`, string(content))

	found := outcome(t, env, exitDone, with("lookup")...)
	require.Equal(t, "hello", string(found.Credentials.Body))
	require.NotNil(t, found.Credentials.NotAfter)
	require.Equal(t, "OK", outcome(t, env, exitDone, with("mark-in-use")...).Status)
	used, err := readState(state)
	require.NoError(t, err)
	require.Len(t, used["used/a"], 8, "eight random bytes and no quota")
	require.Equal(t, "OK", outcome(t, env, exitDone, with("mark-revoked")...).Status)
	used, err = readState(state)
	require.NoError(t, err)
	require.NotContains(t, used, "used/a")
}

func showsLogs(t *testing.T, env []string, wasm string) {
	t.Helper()
	r := credence(t, env, "", "module", "run", "provide", wasm, "--input", `{"id":"a","body":"aGVsbG8="}`, "-o", "table")
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Equal(t, "debug: provide \"a\"\n", r.stderr)
	require.Equal(t, "hello", line(t, r.stdout, "body"))
	require.Equal(t, "OK", line(t, r.stdout, "status"))

	refused := outcome(t, env, exitFailed, "configure", wasm, "--config", `{"prefix":1}`)
	require.Contains(t, refused.Fault, "refused its configuration in its start: INVALID_ARGUMENT")
	require.Contains(t, outcome(t, env, exitFailed, "lookup", trapping(t)).Fault, "the module trapped in lookup_credentials: wasm error: unreachable")
	require.Equal(t, "UNSUPPORTED", outcome(t, env, exitFailed, "provide", trapping(t)).Status)

	r = credence(t, env, "", "module", "run", "lookup", wasm, "--grants", "{}")
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stderr, "namely kv, clock, random")
}

func TestModuleRunRefusesWrongUsage(t *testing.T) {
	wasm := packed(t)
	for says, args := range map[string][]string{
		"takes METHOD FILE.wasm":                   {"lookup"},
		`there is no method "look": use one of lo`: {"look", wasm},
		"--input is no valid JSON":                 {"lookup", wasm, "--input", "{"},
		`unknown field "name"`:                     {"lookup", wasm, "--input", `{"name":"a"}`},
		"the id has 0 bytes":                       {"lookup", wasm, "--input", `{"id":""}`},
	} {
		r := credence(t, nil, "", append([]string{"module", "run"}, args...)...)
		require.Equal(t, exitUsage, r.code, r.stderr)
		require.Contains(t, r.stderr, says)
	}
	r := credence(t, nil, "", "module", "run", "lookup", wasm, "--kv", file(t, "state.json", `{"a":"b"}`))
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stderr, `it should be a list like [{"key": "a", "value": "b"}]`)
	require.Equal(t, []string{"lookup"}, offered(t, nil, "module", "run", "l"))
}

func TestStateFilesKeepEveryByte(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	state := map[string][]byte{"text": []byte("größe\n"), "bytes": {0, 0xff}, "\xff\x00": []byte("x"), "empty": {}}
	require.NoError(t, writeState(path, state))
	read, err := readState(path)
	require.NoError(t, err)
	require.Equal(t, state, read)
	none, err := readState(filepath.Join(t.TempDir(), "none"))
	require.NoError(t, err)
	require.Empty(t, none)
	_, err = readState(file(t, "state.json", `[{"value":"x"}]`))
	require.ErrorContains(t, err, "entry 1 has no key")
}

func FuzzStateFile(f *testing.F) {
	f.Add([]byte("key"), []byte("value"))
	f.Add([]byte{0xff}, []byte{})
	path := filepath.Join(f.TempDir(), "state.json")
	f.Fuzz(func(t *testing.T, key, value []byte) {
		if len(key) == 0 {
			return
		}
		require.NoError(t, writeState(path, map[string][]byte{string(key): value}))
		read, err := readState(path)
		require.NoError(t, err)
		require.Equal(t, string(value), string(read[string(key)]))
	})
}

func FuzzOperation(f *testing.F) {
	f.Add([]byte(`{"id":"a","text":"b","notAfter":"2030-01-01T00:00:00Z","proof":{"type":"t","value":"AA=="}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := parseOperation(text)
		if err != nil {
			require.True(t, isUsage(err), "%v", err)
			return
		}
		require.NotEmpty(t, o.ID)
		require.LessOrEqual(t, len(o.ID), 256)
		require.LessOrEqual(t, len(o.Body), 64<<10)
	})
}

func TestModuleBenchMeasures(t *testing.T) {
	cache := []string{"XDG_CACHE_HOME=" + t.TempDir()}
	r := credence(t, cache, "", "module", "bench", "-o", "json", goModule(t), "mark-in-use", "-n", "50")
	require.Equal(t, exitDone, r.code, r.stderr)
	var d benchDocument
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &d))
	require.Equal(t, map[string]int{"OK": 50}, d.Outcomes)
	require.Positive(t, d.CompileMs)
	require.Positive(t, d.StartMicros)
	require.LessOrEqual(t, d.P50Micros, d.P99Micros)
	require.LessOrEqual(t, d.P99Micros, d.MaxMicros)
	require.Positive(t, d.PerSecond)
	require.Greater(t, d.HostCalls, 2.0)
	require.InDelta(t, 1, d.KvCalls, 0)
	require.Positive(t, d.Fuel)
	require.Positive(t, d.PeakMemoryBytes)

	wasm := packed(t)
	r = credence(t, nil, "", "module", "bench", wasm, "-n", "10", "--input", `{"id":"a"}`)
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Equal(t, "10 of lookup: 10 NOT_FOUND", line(t, r.stdout, "operations"))
	r = credence(t, nil, "", "module", "bench", wasm, "provide", "--duration", "5ms")
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Regexp(t, `^(\d+) of provide: \d+ UNSUPPORTED$`, line(t, r.stdout, "operations"))

	r = credence(t, nil, "", "module", "bench", trapping(t))
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stderr, "operation 1: the module trapped")
	require.Equal(t, exitUsage, credence(t, nil, "", "module", "bench", wasm, "-n", "-1").code)
}
