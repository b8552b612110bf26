package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// firstServices are the SDKs whose page leads to a service in the language of a
// fence, which build.sh of the SDK compiles.
var firstServices = map[string]struct {
	fence, source string
	tools         []string
}{
	"guest-rust": {"rust", "src/lib.rs", []string{"/usr/bin/rustc", "/usr/lib/rustlib/wasm32-unknown-unknown", "wasm-ld-14"}},
	"guest-as":   {"ts", "assembly/index.ts", []string{"node", "npm"}},
}

// What the pages of the SDKs tell authors to write is built as they say, and
// serves.
func TestTheFirstServiceOfAnSDKsPageServes(t *testing.T) {
	s := newServer(t)
	for sdk, first := range firstServices {
		t.Run(sdk, func(t *testing.T) {
			needsTools(t, first.tools...)
			folder, err := filepath.Abs(filepath.Join(root, "wasmabi", sdk))
			require.NoError(t, err)
			page, err := os.ReadFile(filepath.Join(folder, "README.md"))
			require.NoError(t, err)
			dir := t.TempDir()
			source := filepath.Join(dir, first.source)
			require.NoError(t, os.MkdirAll(filepath.Dir(source), 0o755))
			blocks := fenced(t, string(page), first.fence)
			require.NoError(t, os.WriteFile(source, []byte(strings.Join(blocks, "\n")), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(fenced(t, string(page), "json")[0]), 0o600))

			runIn(t, dir, "bash", filepath.Join(folder, "build.sh"), first.source, "in.wasm")
			runIn(t, dir, binary, "module", "pack", "--manifest", "manifest.json", "in.wasm", "-o", "out.wasm")
			if _, err := os.Stat(filepath.Join(folder, "test.sh")); err == nil {
				runIn(t, dir, "bash", filepath.Join(folder, "test.sh"), first.source)
			}
			wasm, err := os.ReadFile(filepath.Join(dir, "out.wasm"))
			require.NoError(t, err)
			digest := s.must(http.StatusCreated, http.MethodPost, "/v1/modules", wasm)["digest"]
			s.must(http.StatusCreated, http.MethodPut, "/v1/credentials-services/"+sdk, object{"module": digest, "config": object{}})
			app := s.app(sdk, sdk)
			s.provision(http.StatusCreated, app, "SN-1", "key")
			a, err := s.call(t.Context(), http.MethodPost, app+"/credentials", object{"id": "other", "body": "AAAA"})
			require.NoError(t, err)
			require.Equal(t, http.StatusBadRequest, a.status)
			require.Contains(t, a.json["detail"], "a serial number begins with SN-")
			decision, _ := s.verify(app, "SN-1")
			require.Equal(t, "ACCEPTED", decision)
			_, reason := s.verify(app, "SN-2")
			require.Equal(t, "NOT_FOUND", reason)
		})
	}
}

// fenced returns the blocks of code in a language of a page.
func fenced(t *testing.T, page, language string) []string {
	t.Helper()
	var blocks []string
	for _, found := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)```\n").FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, found[1])
	}
	require.NotEmpty(t, blocks, "the page has no block in %s", language)
	return blocks
}

func runIn(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %v\n%s", name, args, out)
}

// needsTools skips the test when a tool is not there, unless the environment
// forbids it.
func needsTools(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		_, err := exec.LookPath(tool)
		if _, stat := os.Stat(tool); err == nil || stat == nil {
			continue
		}
		if os.Getenv("REQUIRE_TOOLCHAINS") == "1" {
			t.Fatalf("%s is missing: 'make toolchains' installs it", tool)
		}
		t.Skipf("SKIPPED: %s is missing; 'make toolchains' installs it", tool)
	}
}

// A module that gives up says where, in the log of the server.
func TestAModuleThatGivesUpSaysWhere(t *testing.T) {
	s := newServer(t)
	for sdk, c := range map[string]struct {
		source, want string
		quick        []string // options of the compiler
	}{
		"guest-rust": {"gives_up.rs", "panicked at 'nobody expects SN-13', service/gives_up.rs:", []string{"-C", "lto=off", "-C", "opt-level=0"}},
		"guest-as":   {"gives_up.ts", "nobody expects SN-13 at gives_up.ts:", []string{"--optimizeLevel", "0"}},
	} {
		t.Run(sdk, func(t *testing.T) {
			needsTools(t, firstServices[sdk].tools...)
			folder, err := filepath.Abs(filepath.Join(root, "wasmabi", sdk))
			require.NoError(t, err)
			dir := t.TempDir()
			runIn(t, dir, "bash", append([]string{filepath.Join(folder, "build.sh"), filepath.Join(folder, "testdata", c.source), "out.wasm"}, c.quick...)...)
			wasm, err := os.ReadFile(filepath.Join(dir, "out.wasm"))
			require.NoError(t, err)
			digest := s.must(http.StatusCreated, http.MethodPost, "/v1/modules", wasm)["digest"]
			s.must(http.StatusCreated, http.MethodPut, "/v1/credentials-services/"+sdk, object{"module": digest})
			app := s.app(sdk, sdk)
			a, err := s.call(t.Context(), http.MethodPost, app+"/verify", object{"credentialsId": "SN-13"})
			require.NoError(t, err)
			require.GreaterOrEqual(t, a.status, 500, "%s", a.body)
			require.NotContains(t, string(a.body), "nobody expects")
			require.Contains(t, s.output(), c.want)
			decision, _ := s.verify(app, "SN-1")
			require.Equal(t, "ACCEPTED", decision, "another instance serves")
		})
	}
}
