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
	// moduleCache is shared by the servers of the tests. What compiles into it is
	// a program without the race detector, under which the module of a Go
	// program takes half a minute.
	moduleCache, plainBinary string
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
	moduleCache, plainBinary = filepath.Join(dir, "cache", "credence", "compiled"), filepath.Join(dir, "plainBinary")
	steps := []step{
		{nil, slices.Concat([]string{"go", "build"}, buildFlags, []string{"-o", binary, "./cmd/credence"})},
		{nil, []string{"go", "build", "-o", plainBinary, "./cmd/credence"}},
	}
	for name, module := range map[string]string{"go-batch-allowlist": allowlist, "go-grace-window": graceWindow} {
		steps = append(steps, example(name, module)...)
	}
	for _, s := range steps {
		if err := s.run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// step is a command that builds something.
type step struct{ env, args []string }

func (s step) run() error {
	cmd := exec.Command(s.args[0], s.args[1:]...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), s.env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%v: %w\n%s", s.args, err, out)
	}
	return nil
}

// compile checks a module as its author would, which compiles it.
func compile(module string, args ...string) step {
	cache := "XDG_CACHE_HOME=" + filepath.Dir(filepath.Dir(moduleCache))
	return step{[]string{cache}, append([]string{plainBinary, "module", "check", module}, args...)}
}

// example builds a module from its folder below examples.
func example(name, module string) []step {
	source := "./examples/" + name
	return []step{
		{[]string{"GOOS=wasip1", "GOARCH=wasm"}, []string{"go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", module + ".plain", source}},
		{nil, []string{binary, "module", "pack", module + ".plain", "--manifest", source + "/manifest.json", "-o", module}},
		compile(module, "--config", "@"+source+"/config.json"),
	}
}
