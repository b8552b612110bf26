package project

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whether the projects build is tested with the command.
func TestAProjectHoldsItsTemplateAndTheSDK(t *testing.T) {
	for language, sdk := range map[string]string{
		"go": "sdk/wasmabi/guest/service.go", "rust": "sdk/src/lib.rs", "c": "sdk/credence.h", "as": "sdk/assembly/index.ts",
	} {
		require.Contains(t, Languages(), language)
		dir := filepath.Join(t.TempDir(), "new")
		files, err := Create(dir, "my-service", language)
		require.NoError(t, err)
		require.FileExists(t, filepath.Join(dir, sdk))
		for _, always := range []string{"Makefile", "README.md", ".gitignore", "manifest.json", "config.json"} {
			require.Contains(t, files, always)
		}
		err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			relative, _ := filepath.Rel(dir, path)
			require.NotRegexp(t, `^sdk/.*(_test\.go|sources\.go|testdata)|\.tmpl$`, relative)
			content, err := os.ReadFile(path)
			if !strings.HasPrefix(relative, "sdk/") {
				require.NotContains(t, string(content), "<<", relative)
			}
			return err
		})
		require.NoError(t, err)
	}
	require.Len(t, Languages(), 4)
}

func TestNamesAreThoseThatAllToolsTake(t *testing.T) {
	for name, good := range map[string]bool{
		"a": true, "serials": true, "batch-2": true, strings.Repeat("a", 64): true,
		"": false, "A": false, "2a": false, "a_b": false, "a-": false, "a--b": false, "../a": false, "a b": false, strings.Repeat("a", 65): false,
	} {
		_, err := Create(filepath.Join(t.TempDir(), "new"), name, "c")
		require.Equal(t, good, err == nil, "%q: %v", name, err)
	}
}
