package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// The parts that the tests run, built once.
var (
	binary    string // credence
	allowlist string // examples/go-batch-allowlist as a module
	// moduleCache is shared by the servers of the tests: compiling a module
	// takes long under the race detector.
	moduleCache string
)

// root is the top of the repository.
const root = "../../.."

func TestMain(m *testing.M) {
	if os.Getenv(etcdEnv) != "" {
		serveEtcd()
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "credence-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary, allowlist = filepath.Join(dir, "credence"), filepath.Join(dir, "allowlist.wasm")
	moduleCache = filepath.Join(dir, "module-cache")
	module := filepath.Join(dir, "plain.wasm")
	for _, step := range []struct {
		env  []string
		args []string
	}{
		{nil, slices.Concat([]string{"go", "build"}, buildFlags, []string{"-o", binary, "./cmd/credence"})},
		{[]string{"GOOS=wasip1", "GOARCH=wasm"}, []string{"go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", module, "./examples/go-batch-allowlist"}},
		{nil, []string{binary, "module", "pack", module, "--manifest", "examples/go-batch-allowlist/manifest.json", "-o", allowlist}},
	} {
		cmd := exec.Command(step.args[0], step.args[1:]...)
		cmd.Dir, cmd.Env = root, append(os.Environ(), step.env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %v\n%s", step.args, err, out)
			return 1
		}
	}
	return m.Run()
}
