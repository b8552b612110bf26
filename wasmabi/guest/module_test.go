package guest_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/wasmabi"
)

// TestAModuleImportsOnlyWhatItsCodeReaches matters because the engine refuses
// a module that imports what its manifest does not ask for.
func TestAModuleImportsOnlyWhatItsCodeReaches(t *testing.T) {
	if testing.Short() {
		t.Skip("builds three modules")
	}
	always := []string{wasmabi.ImportErrorWrite, wasmabi.ImportInputRead, wasmabi.ImportOutputWrite}
	for name, want := range map[string][]string{
		"core":    always,
		"full":    importsOf(wasmabi.Core, wasmabi.Kv, wasmabi.Clock, wasmabi.Random),
		"outside": importsOf(wasmabi.Core, wasmabi.Kv, wasmabi.Clock, wasmabi.Random, wasmabi.HTTP, wasmabi.Secrets, wasmabi.Crypto),
	} {
		slices.Sort(want)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, exports := read(t, build(t, name))
			require.Equal(t, want, got)
			for _, export := range []string{
				wasmabi.ExportMarker, wasmabi.ExportInitialize, wasmabi.ExportConfigure, wasmabi.ExportLookup,
				wasmabi.ExportProvide, wasmabi.ExportMarkInUse, wasmabi.ExportMarkRevoked, wasmabi.ExportMemory,
			} {
				require.Contains(t, exports, export)
			}
			require.NotContains(t, exports, wasmabi.ExportStart)
			require.Equal(t, name == "outside", slices.Contains(exports, wasmabi.ExportVerifyProof), "only package proof exports verify_proof")
		})
	}
}

// importsOf are the functions of some capabilities.
func importsOf(capabilities ...wasmabi.Capability) []string {
	var names []string
	for _, i := range wasmabi.Imports() {
		if slices.Contains(capabilities, i.Capability) {
			names = append(names, i.Name)
		}
	}
	return names
}

func build(t *testing.T, name string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), name+".wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, "./testdata/"+name)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, string(text))
	module, err := os.ReadFile(out)
	require.NoError(t, err)
	return module
}

// read returns the imports of this ABI and all exports of a module, sorted.
func read(t *testing.T, module []byte) (imports, exports []string) {
	t.Helper()
	r := &sections{t: t, b: bytes.NewBuffer(module[8:])}
	for r.b.Len() > 0 {
		id, _ := r.b.ReadByte()
		section := &sections{t: t, b: bytes.NewBuffer(r.b.Next(int(r.number())))}
		switch id {
		case 2:
			for range section.number() {
				from, name := section.text(), section.text()
				kind, _ := section.b.ReadByte()
				require.Zero(t, kind, "%s.%s is no function", from, name)
				section.number()
				if from == wasmabi.ImportModule {
					imports = append(imports, name)
				}
			}
		case 7:
			for range section.number() {
				exports = append(exports, section.text())
				_, _ = section.b.ReadByte()
				section.number()
			}
		}
	}
	slices.Sort(imports)
	return imports, exports
}

type sections struct {
	t *testing.T
	b *bytes.Buffer
}

func (s *sections) number() uint64 {
	v, err := binary.ReadUvarint(s.b)
	require.NoError(s.t, err)
	return v
}

func (s *sections) text() string { return string(s.b.Next(int(s.number()))) }
