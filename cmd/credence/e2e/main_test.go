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
	binary string // credence
	// examples as modules
	allowlist, graceWindow string
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
	graceWindow = filepath.Join(dir, "grace-window.wasm")
	moduleCache = filepath.Join(dir, "module-cache")
	steps := []step{{nil, slices.Concat([]string{"go", "build"}, buildFlags, []string{"-o", binary, "./cmd/credence"})}}
	for name, module := range map[string]string{"go-batch-allowlist": allowlist, "go-grace-window": graceWindow} {
		steps = append(steps, example(name, module)...)
	}
	for _, s := range steps {
		cmd := exec.Command(s.args[0], s.args[1:]...)
		cmd.Dir, cmd.Env = root, append(os.Environ(), s.env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %v\n%s", s.args, err, out)
			return 1
		}
	}
	return m.Run()
}

// step is a command that builds something.
type step struct{ env, args []string }

// example builds a module from its folder below examples.
func example(name, module string) []step {
	source := "./examples/" + name
	return []step{
		{[]string{"GOOS=wasip1", "GOARCH=wasm"}, []string{"go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", module + ".plain", source}},
		{nil, []string{binary, "module", "pack", module + ".plain", "--manifest", source + "/manifest.json", "-o", module}},
	}
}
