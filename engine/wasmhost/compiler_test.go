package wasmhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

// What the test program does when it is started with one of these as its only
// argument, instead of running tests.
const (
	asCompiler = "as-compiler"
	asCrash    = "as-crash"  // a defect of the compiler
	asSpy      = "as-spy"    // reports its environment
	asServer   = "as-server" // compiles with a compiler that only waits
	asWaiting  = "as-waiting"
)

// actAs plays a part other than running the tests, if the program was started
// for one.
func actAs() {
	if len(os.Args) != 2 {
		return
	}
	switch os.Args[1] {
	case asCompiler:
		if err := Compile(context.Background(), os.Stdin, os.Stdout); err != nil {
			panic(err)
		}
	case asCrash:
		panic("a defect")
	case asSpy:
		_ = json.NewEncoder(os.Stdout).Encode(compileReport{Refusal: strings.Join(os.Environ(), " ")})
	case asServer:
		_ = child(time.Minute, DefaultCompileMemory, asWaiting).Compile(context.Background(), nil, 1, "")
	case asWaiting:
		_ = os.WriteFile(pidFile(os.Getppid()), fmt.Append(nil, os.Getpid()), 0o600)
		time.Sleep(time.Minute)
	default:
		return
	}
	os.Exit(0)
}

func pidFile(parent int) string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("credence-test-%d.pid", parent))
}

// child is a compiler that starts the test program.
func child(limit time.Duration, memory int64, as string) ChildCompiler {
	program, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return ChildCompiler{Command: []string{program, as}, Time: limit, Memory: memory}
}

// compilerOf is a compiler for modules that are no bombs, on a machine that
// others use too.
func compilerOf(as string) Compiler { return child(time.Minute, 4<<30, as).Compile }

func withCompiler(t *testing.T, c Compiler) (*Runtime, *logBuffer) {
	t.Helper()
	log := &logBuffer{}
	return newRuntime(t, Options{CacheDir: t.TempDir(), Compiler: c, Log: log.logger()}), log
}

// files returns what is in the cache of a runtime, folders excluded.
func files(t *testing.T, r *Runtime) map[string]fs.FileInfo {
	t.Helper()
	found := map[string]fs.FileInfo{}
	require.NoError(t, filepath.WalkDir(r.codes.cache.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		found[path], err = d.Info()
		return err
	}))
	return found
}

func TestAModuleIsCompiledInAProcessOfItsOwn(t *testing.T) {
	compile := compilerOf(asCompiler)
	var made map[string]fs.FileInfo
	var dir string
	r, log := withCompiler(t, func(ctx context.Context, module []byte, pages uint32, folder string) error {
		dir = folder
		return compile(ctx, module, pages, folder)
	})
	wasm := goGuest(t)
	s, err := start(t, r, "s", wasm)
	require.NoError(t, err)
	s.Close()
	require.NoDirExists(t, dir)
	require.Empty(t, log.lines("compiled here"))

	// This process has written nothing: it has found the code.
	made = files(t, r)
	require.Len(t, made, 2, "code and note")
	began := time.Now()
	s, err = start(t, r, "s", wasm)
	require.NoError(t, err)
	t.Logf("start from the cache: %s", time.Since(began))
	s.Close()
	for path, before := range made {
		after, err := os.Stat(path)
		require.NoError(t, err)
		require.True(t, os.SameFile(before, after), "%s was written again", path)
	}
}

func TestACompilationEndsAtItsLimits(t *testing.T) {
	bomb := wattest.CompileBomb(40)
	for name, c := range map[string]struct {
		compiler ChildCompiler
		says     string
	}{
		"time":   {child(time.Second, DefaultCompileMemory, asCompiler), "compiling the module took more than 1s"},
		"memory": {child(time.Minute, 24<<20, asCompiler), "compiling the module took more than 24 MiB of memory"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := withCompiler(t, c.compiler.Compile)
			began := time.Now()
			_, err := start(t, r, "s", bomb)
			require.Equal(t, engine.CodeTooLarge, engine.CodeOf(err), "%v: %v", err, errors.Unwrap(err))
			e := failure(t, engine.CodeTooLarge, err)
			require.Contains(t, e.Message, c.says)
			require.Contains(t, e.Message, "its largest function has the index 2 and 10749 bytes at byte offset 0x")
			require.Less(t, time.Since(began), 20*time.Second)
			require.Empty(t, files(t, r))
			require.Empty(t, r.codes.all)
		})
	}
}

func TestACompilerThatRefusesOrFailsIsBelieved(t *testing.T) {
	for name, c := range map[string]struct {
		as   string
		wasm []byte
		says string
	}{
		"invalid module": {asCompiler, wattest.Service(wattest.Body(0, []byte{0x6a})), "the module is not valid WebAssembly: "},
		"defect":         {asCrash, tiny(t), "the compiler fails at the module"},
		"environment":    {asSpy, tiny(t), "GOTRACEBACK=none"},
	} {
		t.Run(name, func(t *testing.T) {
			r, log := withCompiler(t, compilerOf(c.as))
			t.Setenv("CREDENCE_SECRETS__KEY", "hidden")
			_, err := start(t, r, "s", c.wasm)
			require.Contains(t, failure(t, engine.CodeInvalid, err).Message, c.says)
			require.NotContains(t, err.Error(), "hidden")
			require.Empty(t, log.lines("compiled here"))
			require.Empty(t, r.codes.all)
		})
	}
}

func TestWithoutACompilerAModuleIsCompiledHere(t *testing.T) {
	missing := ChildCompiler{Command: []string{filepath.Join(t.TempDir(), "missing")}, Time: time.Minute, Memory: 1 << 30}
	fullDisk := func(context.Context, []byte, uint32, string) error {
		return &fs.PathError{Op: "write", Path: "code", Err: syscall.ENOSPC}
	}
	for name, c := range map[string]Compiler{"no program": missing.Compile, "full disk": fullDisk} {
		t.Run(name, func(t *testing.T) {
			r, log := withCompiler(t, c)
			s, err := start(t, r, "s", tiny(t))
			require.NoError(t, err)
			s.Close()
			require.Len(t, log.lines("compiled here"), 1)
		})
	}
}

func TestOneModuleIsCompiledOnceAndFewAtATime(t *testing.T) {
	var compiled, now, most atomic.Int32
	compile := compilerOf(asCompiler)
	r, _ := withCompiler(t, func(ctx context.Context, module []byte, pages uint32, dir string) error {
		compiled.Add(1)
		defer now.Add(-1)
		for n := now.Add(1); n > most.Load(); {
			most.CompareAndSwap(most.Load(), n)
		}
		return compile(ctx, module, pages, dir)
	})
	modules := [][]byte{tiny(t), wattest.Service(), wattest.Module(t, "kv-echo")}
	var group sync.WaitGroup
	for i := range 4 * len(modules) {
		group.Go(func() {
			s, err := start(t, r, "s", modules[i%len(modules)])
			if err != nil {
				t.Error(err)
				return
			}
			s.Close()
		})
	}
	group.Wait()
	require.EqualValues(t, len(modules), compiled.Load())
	require.LessOrEqual(t, int(most.Load()), compilers())
	require.Empty(t, r.codes.all)
}

func TestACompilationEndsWithItsRequestAndIsDoneForTheNext(t *testing.T) {
	compile := compilerOf(asCompiler)
	begun := make(chan struct{})
	var once sync.Once
	r, _ := withCompiler(t, func(ctx context.Context, module []byte, pages uint32, dir string) error {
		first := false
		once.Do(func() { first = true })
		if !first {
			return compile(ctx, module, pages, dir)
		}
		close(begun)
		return child(time.Minute, DefaultCompileMemory, asWaiting).Compile(ctx, module, pages, dir)
	})
	wasm := tiny(t)
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := r.Start(ctx, engine.Service{Name: "s", Module: engine.DigestOf(wasm)}, fetch(wasm))
		first <- err
	}()
	<-begun
	second := make(chan error, 1)
	go func() {
		s, err := start(t, r, "s", wasm)
		if err == nil {
			s.Close()
		}
		second <- err
	}()
	require.Eventually(t, func() bool { return users(r) == 2 }, soon, time.Millisecond)
	cancel()
	requireCode(t, engine.CodeUnavailable, <-first)
	require.NoError(t, <-second)
	require.Empty(t, r.codes.all)
}

func users(r *Runtime) (n int) {
	r.codes.mu.Lock()
	defer r.codes.mu.Unlock()
	for _, c := range r.codes.all {
		n += c.users
	}
	return n
}

// A server that is killed leaves no compiling process behind.
func TestACompilationEndsWithItsServer(t *testing.T) {
	server := exec.CommandContext(t.Context(), child(0, 0, "").Command[0], asServer)
	require.NoError(t, server.Start())
	file := pidFile(server.Process.Pid)
	t.Cleanup(func() { _ = os.Remove(file) })
	var pid []byte
	require.Eventually(t, func() bool {
		var err error
		pid, err = os.ReadFile(file)
		return err == nil && len(pid) > 0
	}, soon, 5*time.Millisecond)
	require.True(t, alive(string(pid)))
	require.NoError(t, server.Process.Kill())
	_ = server.Wait()
	require.Eventually(t, func() bool { return !alive(string(pid)) }, soon, 5*time.Millisecond)
}

// alive tells whether a process runs; one that nobody has waited for does not.
func alive(pid string) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func TestWhatKilledProcessesHaveLeftIsRemoved(t *testing.T) {
	dir := t.TempDir()
	old, young := filepath.Join(dir, codeNewborn+"1"), filepath.Join(dir, codeNewborn+"2")
	for _, d := range []string{old, young} {
		require.NoError(t, os.MkdirAll(filepath.Join(d, "wazero"), 0o700))
	}
	yesterday := time.Now().AddDate(0, 0, -1)
	require.NoError(t, os.Chtimes(old, yesterday, yesterday))
	newRuntime(t, Options{CacheDir: dir})
	require.NoDirExists(t, old)
	require.DirExists(t, young)
}
