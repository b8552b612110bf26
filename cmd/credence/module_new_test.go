package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/cmd/credence/project"
)

// neededFor are the commands and files that a project in a language builds with.
var neededFor = map[string][]string{
	"go":   {"make", "go"},
	"as":   {"make", "bash", "node", "npm"},
	"c":    {"make", "clang-19", "wasm-ld-19"},
	"rust": {"make", "bash", "/usr/bin/rustc", "/usr/lib/rustlib/wasm32-unknown-unknown", "wasm-ld-14"},
}

// requireToolchain skips a test whose compiler is not here, loudly.
func requireToolchain(t *testing.T, language string) {
	t.Helper()
	require.Contains(t, neededFor, language)
	for _, needed := range neededFor[language] {
		_, err := exec.LookPath(needed)
		if _, statErr := os.Stat(needed); err != nil && statErr != nil {
			if os.Getenv("REQUIRE_TOOLCHAINS") == "1" {
				t.Fatalf("%s is missing", needed)
			}
			t.Skipf("SKIPPED: %s is missing, projects in %s cannot be built (set REQUIRE_TOOLCHAINS=1 to fail instead)", needed, language)
		}
	}
}

func TestANewProjectBuildsAndPassesItsCheckAndTests(t *testing.T) {
	found, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output()
	require.NoError(t, err)
	goCache := strings.TrimSpace(string(found)) // the cache of this test is another one
	for _, language := range project.Languages() {
		t.Run(language, func(t *testing.T) {
			requireToolchain(t, language)
			dir, cache := filepath.Join(t.TempDir(), "here"), "XDG_CACHE_HOME="+t.TempDir()
			r := credence(t, nil, "", "module", "new", "my-service", "--lang", language, "--dir", dir)
			require.Equal(t, exitDone, r.code, r.stderr)
			require.Contains(t, r.stdout, "manifest.json")
			run := func(target string) string {
				build := exec.CommandContext(t.Context(), "make", "-C", dir, target)
				build.Env = append(os.Environ(), "CREDENCE="+binary, "GOFLAGS=", "GOPROXY=off", cache, "GOCACHE="+goCache)
				out, err := build.CombinedOutput()
				require.NoError(t, err, "%s", out)
				return string(out)
			}
			require.Regexp(t, `build/my-service\.wasm \(my-service 0\.1\.0\) passes, after \d+ calls on trial`, run("check"))
			run("test")

			wasm, state := filepath.Join(dir, "build", "my-service.wasm"), filepath.Join(dir, "state.json")
			config := []string{"--kv", state, "--config", `{"prefix":"SN-"}`, "--input", `{"id":"SN-1","text":"key"}`}
			do := func(code int, method string) string {
				return outcome(t, []string{cache}, code, append([]string{method, wasm}, config...)...).Status
			}
			require.Equal(t, "NOT_FOUND", do(exitFailed, "lookup"))
			require.Equal(t, "OK", do(exitDone, "provide"))
			require.Equal(t, "OK", do(exitDone, "mark-in-use"))
			require.Equal(t, "OK", do(exitDone, "mark-revoked"))
			require.Equal(t, "PERMISSION_DENIED", do(exitFailed, "mark-in-use"))
		})
	}
}

func TestModuleNewRefusesWhatItCannotDo(t *testing.T) {
	full := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(full, "notes.txt"), nil, 0o600))
	for says, args := range map[string][]string{
		"is no name for a project":                {"My Service"},
		`there is no template for "cobol": choos`: {"a", "--lang", "cobol", "--dir", t.TempDir()},
		"is not empty: name a folder that is":     {"a", "--dir", full},
		"cannot use the folder":                   {"a", "--dir", file(t, "f", "")},
	} {
		r := credence(t, nil, "", append([]string{"module", "new"}, args...)...)
		require.Equal(t, exitFailed, r.code)
		require.Contains(t, r.stderr, says)
	}
	require.Equal(t, exitUsage, credence(t, nil, "", "module", "new").code)
	require.ElementsMatch(t, project.Languages(), offered(t, nil, "module", "new", "--lang", ""))
}
