package wasmhost

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

func start(t *testing.T, r *Runtime, name engine.ServiceName, wasm []byte) (engine.RunningService, error) {
	t.Helper()
	return r.Start(t.Context(), engine.Service{Name: name, Module: engine.DigestOf(wasm)}, fetch(wasm))
}

func TestADamagedCacheIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	for _, damage := range []string{"", "x", "WAZEVO and what else may be in a file"} {
		files, err := filepath.Glob(filepath.Join(dir, "wazero-*", "*"))
		require.NoError(t, err)
		for _, file := range files {
			require.NoError(t, os.WriteFile(file, []byte(damage), 0o600))
		}
		r, err := New(t.Context(), Options{CacheDir: dir})
		require.NoError(t, err)
		s, err := start(t, r, "s", tiny(t))
		require.NoError(t, err, "%q", damage)
		s.Close()
		r.Close()
	}
}

func TestACacheThatCannotBeWrittenIsDoneWithout(t *testing.T) {
	dir := t.TempDir()
	r := newRuntime(t, Options{CacheDir: dir})
	inside, err := filepath.Glob(filepath.Join(dir, "wazero-*"))
	require.NoError(t, err)
	require.Len(t, inside, 1)
	require.NoError(t, os.RemoveAll(inside[0]))
	s, err := start(t, r, "s", tiny(t))
	require.NoError(t, err)
	s.Close()
}

func TestACacheFolderThatCannotBeUsedIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := New(t.Context(), Options{CacheDir: file})
	require.ErrorContains(t, err, "choose another one")
}

func TestServicesOfOneModuleShareItsCode(t *testing.T) {
	r := newRuntime(t, Options{})
	wasm := wattest.Module(t, "kv-echo")
	first, err := start(t, r, "first", wasm)
	require.NoError(t, err)
	second, err := start(t, r, "second", wasm)
	require.NoError(t, err)
	require.Len(t, r.codes.all, 1)
	first.Close()
	require.Len(t, r.codes.all, 1)
	second.Close()
	require.Empty(t, r.codes.all)
}
