package wattest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Languages are those of which [Lookup] has a service.
func Languages() []string { return []string{"c", "rust", "assemblyscript", "go"} }

// Lookup returns the service of the benchmarks in a language, written with the
// SDK of that language. Without the compiler the test is skipped, or fails if
// REQUIRE_TOOLCHAINS=1 is set.
func Lookup(tb testing.TB, language string) []byte {
	tb.Helper()
	if language == "go" {
		return GoModule(tb, "benchguest")
	}
	sdks := filepath.Join(root(), "..", "..", "..", "wasmabi")
	source, out := filepath.Join(root(), "bench", "lookup"), filepath.Join(tb.TempDir(), "lookup.wasm")
	var cmd *exec.Cmd
	var needs []string
	switch language {
	case "c":
		needs = []string{"clang-19", "wasm-ld-19"}
		cmd = in(root(), "clang-19", "--target=wasm32", "-std=c11", "-O2", "-mbulk-memory", "-ffreestanding", "-nostdlib",
			"-I", filepath.Join(sdks, "guest-c"), "-Wl,--no-entry", "-Wl,--strip-all", "-Wl,-z,stack-size=65536", "-o", out, source+".c")
	case "rust":
		needs = []string{"/usr/bin/rustc", "/usr/lib/rustlib/wasm32-unknown-unknown", "wasm-ld-14"}
		cmd = in(root(), "bash", filepath.Join(sdks, "guest-rust", "build.sh"), source+".rs", out)
	case "assemblyscript":
		needs = []string{"node", "npm"}
		cmd = in(root(), "bash", filepath.Join(sdks, "guest-as", "build.sh"), source+".ts", out)
	default:
		tb.Fatalf("there is no service in %q", language)
	}
	for _, tool := range needs {
		check(tb, present(tool))
	}
	check(tb, run(cmd))
	wasm, err := os.ReadFile(out)
	if err != nil {
		tb.Fatal(err)
	}
	return wasm
}

// present finds a command, or a file or folder by its whole path.
func present(tool string) error {
	if _, err := os.Stat(tool); err == nil && filepath.IsAbs(tool) {
		return nil
	}
	if _, err := exec.LookPath(tool); err != nil {
		return fmt.Errorf("%w: %s; `make toolchains` installs it", errNoToolchain, tool)
	}
	return nil
}
