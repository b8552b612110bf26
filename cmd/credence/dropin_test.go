package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/rest"
	"github.com/credence-engine/credence/engine/wasmhost"
)

// named is the bare module packed under a name.
func named(t *testing.T, name string) string {
	t.Helper()
	path := file(t, "module.wasm", bareModule)
	manifest := strings.Replace(bareManifest, `"bare"`, `"`+name+`"`, 1)
	r := credence(t, nil, "", "module", "pack", path, "--manifest", file(t, "manifest.json", manifest), "-o", path)
	require.Equal(t, exitDone, r.code, r.stderr)
	return read(t, path)
}

// folder is a drop-in folder of the test.
type folder string

func (f folder) put(t *testing.T, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(string(f), name), []byte(content), 0o600))
}

// at is what a node does with the folder when it starts.
func (f folder) at(e *engine.Engine, log *slog.Logger) dropIn {
	return dropIn{dir: string(f), engine: e, log: log, maxBytes: 64 << 10, timeout: time.Minute, conflicts: 30 * time.Second}
}

func TestTheDropInFolderIsDeployedAtTheStart(t *testing.T) {
	s := newSite(t, withModules(t))
	f := folder(t.TempDir())
	f.put(t, "line.wasm", named(t, "line"))
	f.put(t, "plain.wasm", named(t, "plain"))
	f.put(t, "line.json", `{"config": {"a": 1}, "grants": {"kv":{}, "clock":{}}, "limits": {"callMs": 100}, "description": "by file"}`)
	f.put(t, "README.md", "not a module")
	start := f.at(s.engine, slog.New(slog.DiscardHandler))
	for range 2 { // the second time there is nothing to do
		start.run(t.Context())
		line := s.get(t, "service", "get", "line")
		require.EqualValues(t, 1, line["revision"])
		require.Equal(t, "by file", line["description"])
		require.Equal(t, "drop-in", line["deployedBy"])
		require.Equal(t, map[string]any{"a": 1.0}, line["config"])
		require.EqualValues(t, 1, s.get(t, "service", "get", "plain")["revision"])
	}

	f.put(t, "line.json", `{"description": "changed"}`)
	start.run(t.Context())
	require.EqualValues(t, 2, s.get(t, "service", "get", "line")["revision"])
	s.must(t, "service", "rollback", "line")
	require.Equal(t, "by file", s.get(t, "service", "get", "line")["description"])
	start.run(t.Context())
	after := s.get(t, "service", "get", "line")
	require.EqualValues(t, 4, after["revision"], "the folder wins at the start")
	require.Equal(t, "changed", after["description"])
	require.EqualValues(t, 1, s.get(t, "service", "get", "plain")["revision"])
}

func TestADropInFileThatCannotBeDeployedIsAProblemOfItsOwn(t *testing.T) {
	s := newSite(t, withModules(t), func(o *engine.Options, _ *rest.Options) { o.Node.ID = "here" })
	f := folder(t.TempDir())
	f.put(t, "a-text.wasm", "hello")
	f.put(t, "b-bare.wasm", bareModule)
	f.put(t, "c-large.wasm", bareModule+strings.Repeat("x", 64<<10))
	f.put(t, "d-settings.wasm", named(t, "settings"))
	f.put(t, "d-settings.json", `{"wishes": 1}`)
	f.put(t, "e-greedy.wasm", named(t, "greedy"))
	f.put(t, "e-greedy.json", `{"grants": {"kv": {}}}`)
	f.put(t, "f-builtin.wasm", named(t, "Internal"))
	f.put(t, "g-good.wasm", named(t, "good"))
	f.put(t, "h-again.wasm", named(t, "good"))
	f.put(t, "i-signed.wasm", named(t, "signed"))
	f.put(t, "i-signed.wasm.sig", "scribbles")
	require.NoError(t, os.Mkdir(filepath.Join(string(f), "j-folder.wasm"), 0o700))
	var log bytes.Buffer
	start := f.at(s.engine, slog.New(slog.NewTextHandler(&log, nil)))
	start.run(t.Context())
	require.EqualValues(t, 1, s.get(t, "service", "get", "good")["revision"])
	want := map[string]string{
		"a-text.wasm": "WebAssembly", "b-bare.wasm": "no manifest", "c-large.wasm": "http.maxModuleBytes",
		"d-settings.wasm": "wishes", "e-greedy.wasm": "clock", "f-builtin.wasm": "built-in",
		"h-again.wasm": "same name as that of g-good.wasm", "i-signed.wasm": "no signature", "j-folder.wasm": "directory",
	}
	var problems []any
	require.Eventually(t, func() bool {
		problems, _ = s.get(t, "node", "get", "here")["problems"].([]any)
		return len(problems) > 0
	}, 10*time.Second, 20*time.Millisecond)
	require.Len(t, problems, len(want), "%v", problems)
	for name, words := range want {
		require.Contains(t, log.String(), "file="+name)
		require.Regexp(t, "(?m)drop-in: "+name+": .*"+words, strings.ReplaceAll(fmt.Sprintln(problems...), " drop-in:", "\ndrop-in:"))
	}

	start.dir = "/does/not/exist"
	start.run(t.Context())
	require.Contains(t, log.String(), "no such file")
}

// Nodes that start together with the same folder make one revision.
func TestNodesWithTheSameDropInFolderMakeOneRevision(t *testing.T) {
	f := folder(t.TempDir())
	f.put(t, "line.wasm", named(t, "line"))
	state := enginetest.NewMemoryStore()
	var engines []*engine.Engine
	var starts sync.WaitGroup
	for i := range 3 {
		runtime, err := wasmhost.New(t.Context(), wasmhost.Options{})
		require.NoError(t, err)
		t.Cleanup(runtime.Close)
		e := engine.New(engine.Options{
			Store: state.Session(), Builtins: builtin.Services(), Runtime: runtime, Node: engine.Node{ID: engine.NodeID(fmt.Sprint("n", i))},
		})
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		t.Cleanup(func() {
			stop()
			require.NoError(t, <-ended)
			e.Close()
		})
		starts.Go(func() { f.at(e, slog.New(slog.DiscardHandler)).run(t.Context()) })
		engines = append(engines, e)
	}
	starts.Wait()
	for _, e := range engines {
		s, err := e.Service(t.Context(), "line")
		require.NoError(t, err)
		require.Equal(t, 1, s.Number)
		require.Eventually(t, func() bool {
			list, err := e.Nodes(t.Context(), engine.ListOptions{})
			return err == nil && len(list.Items) == 3 && len(list.Items[0].Problems)+len(list.Items[1].Problems)+len(list.Items[2].Problems) == 0
		}, 10*time.Second, 20*time.Millisecond)
	}
}
