package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// screen collects what a program writes while it runs.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) count(text string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.text.String(), text)
}

func (s *screen) shows(t *testing.T, text string, times int) {
	t.Helper()
	require.Eventually(t, func() bool { return s.count(text) >= times }, time.Minute, 10*time.Millisecond, "%q", text)
}

func TestModuleWatchBuildsAndChecksWhateverIsSaved(t *testing.T) {
	dir := t.TempDir()
	save := func(name, content string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	save("source", bareModule)
	out := &screen{}
	env := []string{"PATH=" + os.Getenv("PATH")}
	w := &world{
		args: []string{"module", "watch", dir, "--", "sh", "-c", "mkdir -p build; cp source build/out.wasm; echo built with $CREDENCE"},
		env:  env, stdin: strings.NewReader(""), stdout: out, stderr: out, program: "/the/program",
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, w) }()

	out.shows(t, "] passed after", 1)
	out.shows(t, "built with /the/program\n", 1)
	save("source", strings.Replace(bareModule, "\x04\x00\x41\x03\x0b", "\x04\x00\x00\x01\x0b", 1))
	out.shows(t, "[trial_trap]", 1)
	out.shows(t, "] failed after", 1)

	require.NoError(t, os.Mkdir(filepath.Join(dir, "more"), 0o700))
	out.shows(t, "] failed after", 2)
	save("more/note", "in a folder that is new")
	out.shows(t, "] failed after", 3)

	require.NoError(t, os.Remove(filepath.Join(dir, "source")))
	save("source", bareModule)
	out.shows(t, "] passed after", 2)

	stop()
	require.Equal(t, exitDone, <-ended, "an interruption is how it ends")
}

func TestModuleWatchIgnoresWhatBuildsWrite(t *testing.T) {
	for path, want := range map[string]bool{
		"main.go": false, "src/lib.rs": false, ".": false,
		"build/out.wasm": true, "out.wasm": true, "target/debug/x": true, "node_modules/a/b": true, ".git/index": true, "src/.lib.rs.swp": true, "main.go~": true,
	} {
		require.Equal(t, want, ignored("/x", filepath.Join("/x", path)), path)
	}
}

func TestModuleWatchRefusesWrongUsage(t *testing.T) {
	for says, args := range map[string][]string{
		"requires at least 2 arg":           {"."},
		"takes DIR, then -- and the comman": {".", "make"},
		"--config is no valid JSON":         {".", "--config", "{", "--", "make"},
	} {
		r := credence(t, nil, "", append([]string{"module", "watch"}, args...)...)
		require.Equal(t, exitUsage, r.code, r.stderr)
		require.Contains(t, r.stderr, says)
	}
	r := credence(t, nil, "", "module", "watch", "/does/not/exist", "--", "make")
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stderr, "cannot watch /does/not/exist")
}

func TestModuleWatchSaysWhatIsMissing(t *testing.T) {
	for says, command := range map[string]string{
		"there is no *.wasm in": "true", "the build failed: exit status 3": "exit 3",
	} {
		out := &screen{}
		ctx, stop := context.WithCancel(t.Context())
		w := &world{
			args: []string{"module", "watch", t.TempDir(), "--", "sh", "-c", command},
			env:  []string{"PATH=" + os.Getenv("PATH")}, stdin: strings.NewReader(""), stdout: out, stderr: out,
		}
		ended := make(chan int, 1)
		go func() { ended <- run(ctx, w) }()
		out.shows(t, says, 1)
		stop()
		require.Equal(t, exitDone, <-ended)
	}
}
