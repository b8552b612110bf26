package wasmbin

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

func TestSavedGlobalsOfEveryTypeComeBack(t *testing.T) {
	ctx := context.Background()
	mod := start(t, newRuntime(t, refill), instrumented(t, wattest.Module(t, "globals")))
	call := func(name string, args ...uint64) uint64 {
		results, err := mod.ExportedFunction(name).Call(ctx, args...)
		require.NoError(t, err)
		if len(results) == 0 {
			return 0
		}
		return results[0]
	}
	require.EqualValues(t, 1020304050607, call("show"))
	call("save")
	call("change", 9)
	require.EqualValues(t, 9090909090908, call("show"))
	call("restore")
	require.EqualValues(t, 1020304050607, call("show"))
	call("restore")
	require.EqualValues(t, 1020304050607, call("show"))
	call("change", 9)
	call("save")
	call("change", 11)
	call("restore")
	require.EqualValues(t, 9090909090908, call("show"))
}

func TestSavingCostsNoFuel(t *testing.T) {
	refuels := 0
	mod := start(t, newRuntime(t, func(ctx context.Context, mod api.Module) { refuels++; refill(ctx, mod) }),
		instrumented(t, wattest.Module(t, "globals")))
	for _, name := range []string{"save", "restore"} {
		_, err := mod.ExportedFunction(name).Call(context.Background())
		require.NoError(t, err)
	}
	require.Zero(t, refuels)
}

func TestTheNamesOfTheEngineAreRefusedAsExports(t *testing.T) {
	for _, name := range []string{"fuel", "save", "restore"} {
		m, err := Parse(file(oneType, section(sectionFunction, 1, 0), oneMemory,
			section(sectionExport, join([]byte{2, 6}, []byte("memory"), []byte{byte(KindMemory), 0, byte(len(name))}, []byte(name), []byte{byte(KindFunc), 0})...),
			section(sectionCode, 1, 2, 0, opEnd)), limits())
		require.NoError(t, err)
		_, err = Instrument(m, options())
		require.ErrorContains(t, err, name)
	}
}

func TestCodeThatChangesTablesIsKnown(t *testing.T) {
	for _, c := range []struct {
		name           string
		code           []byte
		changes, grows bool
	}{
		{"nothing", []byte{opEnd}, false, false},
		{"table.get", []byte{opI32Const, 0, 0x25, 0, 0x1a, opEnd}, false, false},
		{"table.size", []byte{opMisc, miscTableSize, 0, 0x1a, opEnd}, false, false},
		{"memory.fill", []byte{opI32Const, 0, opI32Const, 0, opI32Const, 0, opMisc, miscMemoryFill, 0, opEnd}, false, false},
		{"table.set", []byte{opI32Const, 0, opRefNull, byte(FuncRef), opTableSet, 0, opEnd}, true, false},
		{"table.fill", []byte{opI32Const, 0, opRefNull, byte(FuncRef), opI32Const, 0, opMisc, miscTableFill, 0, opEnd}, true, false},
		{"table.copy", []byte{opI32Const, 0, opI32Const, 0, opI32Const, 0, opMisc, miscTableCopy, 0, 0, opEnd}, true, false},
		{"table.grow", []byte{opRefNull, byte(FuncRef), opI32Const, 0, opMisc, miscTableGrow, 0, 0x1a, opEnd}, true, true},
	} {
		m, err := Parse(withCode(c.code...), limits())
		require.NoError(t, err, c.name)
		require.Equal(t, c.changes, m.ChangesTables(), c.name)
		want := uint64(1)
		if c.grows {
			want = 500
		}
		require.Equal(t, want, m.TableEntries(500), c.name)
	}
	m, err := Parse(wattest.Module(t, "segments"), limits())
	require.NoError(t, err)
	require.True(t, m.ChangesTables())
	require.EqualValues(t, 20+500+500, m.TableEntries(500))
}

// Segments are dropped by instructions of their own.
func TestDroppingASegmentIsAChange(t *testing.T) {
	for name, sub := range map[string]byte{"data.drop": miscDataDrop, "elem.drop": miscElemDrop} {
		m, err := Parse(file(oneType, section(sectionFunction, 1, 0), oneMemory, memoryName,
			section(sectionElement, 1, 1, 0, 0), section(sectionDataCount, 1),
			section(sectionCode, 1, 5, 0, opMisc, sub, 0, opEnd), section(sectionData, 1, 1, 0)), limits())
		require.NoError(t, err, name)
		require.True(t, m.ChangesTables(), name)
	}
}
