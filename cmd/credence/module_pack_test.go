package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	emptyModule  = "\x00asm\x01\x00\x00\x00"
	testManifest = `{"abi":1,"name":"a","version":"1.0.0"}`
)

func TestModulePackNeedsNoServer(t *testing.T) {
	in, manifest := file(t, "in.wasm", emptyModule), file(t, "manifest.json", testManifest)
	out := filepath.Join(t.TempDir(), "out.wasm")
	r := credence(t, nil, "", "module", "pack", in, "--manifest", manifest, "-o", out)
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Regexp(t, `^wrote .*out\.wasm, \d+ bytes, sha256:[0-9a-f]{64}\n$`, r.stdout)
	packed, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Contains(t, string(packed), testManifest)

	again := credence(t, nil, "", "module", "pack", out, "--manifest", manifest, "-o", out)
	require.Equal(t, exitDone, again.code, again.stderr)
	same, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, packed, same, "packing again changes nothing")
}

func TestModulePackRefusedLeavesTheFileAlone(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out.wasm")
	require.NoError(t, os.WriteFile(out, []byte("before"), 0o600))
	in, manifest := file(t, "in.wasm", emptyModule), file(t, "manifest.json", testManifest)
	for says, args := range map[string][]string{
		"the module cannot be packed": {file(t, "text.wasm", "hello"), "--manifest", manifest, "-o", out},
		"the manifest cannot be used": {in, "--manifest", file(t, "m.json", "{}"), "-o", out},
		"no such file":                {"/does/not/exist", "--manifest", manifest, "-o", out},
		"cannot write the module":     {in, "--manifest", manifest, "-o", filepath.Join(dir, "none", "out.wasm")},
	} {
		r := credence(t, nil, "", append([]string{"module", "pack"}, args...)...)
		require.Equal(t, exitFailed, r.code)
		require.Contains(t, r.stderr, says)
	}
	require.Equal(t, exitUsage, credence(t, nil, "", "module", "pack", in, "-o", out).code)
	content, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, "before", string(content))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left behind")
}
