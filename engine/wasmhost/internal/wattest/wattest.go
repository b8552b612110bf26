// Package wattest compiles the sources of test modules: the WebAssembly text
// files in engine/wasmhost/testdata/wat and the Go programs beside them.
package wattest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// errNoToolchain means that a program for the build is not installed.
var errNoToolchain = errors.New("toolchain missing")

// built compiles the text files, at most once in a process.
var built = sync.OnceValue(func() error { return locked(buildText) })

// Module returns the binary of testdata/wat/<name>.wat. It is built with the
// pinned wabt (installed with npm when it is missing) if there is no binary or
// if it is older than its source. Without Node the test is skipped, or fails
// if REQUIRE_TOOLCHAINS=1 is set.
func Module(tb testing.TB, name string) []byte {
	tb.Helper()
	check(tb, built())
	wasm, err := os.ReadFile(filepath.Join(root(), "build", name+".wasm"))
	if err != nil {
		tb.Fatalf("there is no testdata/wat/%s.wat: %v", name, err)
	}
	return wasm
}

// Names returns the names of all text files, in order.
func Names(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(root(), "wat", "*.wat"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no text files in testdata/wat: %v", err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".wat")
	}
	return files
}

// GoModule returns testdata/<name>, a Go program, as a reactor for wasip1,
// built with the toolchain that runs the tests.
func GoModule(tb testing.TB, name string) []byte {
	tb.Helper()
	out := filepath.Join(root(), "build", name+".wasm")
	check(tb, locked(func() error {
		cmd := exec.CommandContext(tb.Context(), "go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, "./"+name)
		cmd.Dir = root()
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
		return run(cmd)
	}))
	wasm, err := os.ReadFile(out)
	if err != nil {
		tb.Fatal(err)
	}
	return wasm
}

func check(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case errors.Is(err, errNoToolchain) && os.Getenv("REQUIRE_TOOLCHAINS") != "1":
		tb.Skipf("SKIPPED, test modules cannot be built: %v (set REQUIRE_TOOLCHAINS=1 to fail instead)", err)
	default:
		tb.Fatalf("building the test modules: %v", err)
	}
}

// root is the folder engine/wasmhost/testdata.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "testdata")
}

// buildText installs wabt if needed and compiles what is out of date.
func buildText() error {
	current, err := upToDate()
	if err != nil || current {
		return err
	}
	if _, err := os.Stat(filepath.Join(root(), "node_modules", "wabt")); errors.Is(err, fs.ErrNotExist) {
		if err := run(in(root(), "npm", "ci", "--omit=dev", "--no-audit", "--no-fund")); err != nil {
			return err
		}
	}
	return run(in(root(), "node", "build.mjs"))
}

// upToDate reports whether each text file has a newer binary.
func upToDate() (bool, error) {
	sources, err := filepath.Glob(filepath.Join(root(), "wat", "*.wat"))
	if err != nil {
		return false, err
	}
	for _, source := range sources {
		from, err := os.Stat(source)
		if err != nil {
			return false, err
		}
		name := strings.TrimSuffix(filepath.Base(source), ".wat") + ".wasm"
		to, err := os.Stat(filepath.Join(root(), "build", name))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil || !to.ModTime().After(from.ModTime()) {
			return false, err
		}
	}
	return true, nil
}

// locked runs build while no other process builds: go test runs packages side
// by side.
func locked(build func() error) error {
	f, err := os.OpenFile(filepath.Join(root(), ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	return build()
}

func in(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...) //nolint:noctx // ends by itself
	cmd.Dir = dir
	return cmd
}

func run(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, exec.ErrNotFound):
		return errors.Join(errNoToolchain, err)
	default:
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
}
