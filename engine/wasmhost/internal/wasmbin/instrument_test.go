package wasmbin

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

// reread parses a rewritten module, whose added global a guest may not name
// but the parser may of course read.
func reread(t *testing.T, wasm []byte) *Module {
	t.Helper()
	l := limits()
	l.ModuleBytes *= 4
	l.Exports++
	l.Globals++
	l.Imports++
	m, err := Parse(wasm, l)
	require.NoError(t, err)
	return m
}

func TestInstrumentAddsTheRefuelImportAndTheFuelGlobal(t *testing.T) {
	m, err := Parse(wattest.Module(t, "tiny"), limits())
	require.NoError(t, err)
	out, err := Instrument(m, options())
	require.NoError(t, err)

	got := reread(t, out)
	last := got.Imports[len(got.Imports)-1]
	require.Len(t, got.Imports, len(m.Imports)+1)
	require.Equal(t, m.Imports[0].Name, got.Imports[0].Name)
	require.Equal(t, "meter refuel () -> ()", last.Module+" "+last.Name+" "+last.Type.String())
	require.Equal(t, Global{Type: I64, Mutable: true}, got.Globals[len(m.Globals)])
	fuel, ok := got.Export("fuel")
	require.True(t, ok)
	require.Equal(t, Export{Name: "fuel", Kind: KindGlobal, Index: uint32(len(m.Globals))}, fuel)
	require.Len(t, got.Exports, len(m.Exports)+3)
	lookup, _ := got.Export("lookup_credentials")
	was, _ := m.Export("lookup_credentials")
	require.Equal(t, was.Index+1, lookup.Index)
}

func TestInstrumentCapsMemoryAndTables(t *testing.T) {
	for _, c := range []struct {
		name          string
		memory, table []byte
		wantMemory    Size
		wantTable     Size
	}{
		{"no maximum", []byte{0, 3}, []byte{0, 5}, Size{3, 512, true}, Size{5, 65_536, true}},
		{"lower maximum", []byte{1, 3, 4}, []byte{1, 5, 6}, Size{3, 4, true}, Size{5, 6, true}},
		{"higher maximum", []byte{1, 3, 0x80, 0x80, 0x04}, []byte{1, 5, 0xff, 0xff, 0xff, 0x7f}, Size{3, 512, true}, Size{5, 65_536, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := reread(t, instrumented(t, file(
				part{sectionTable, join([]byte{1, byte(ExternRef)}, c.table)},
				part{sectionMemory, join([]byte{1}, c.memory)},
				memoryName,
			)))
			require.Equal(t, c.wantMemory, got.Memory)
			require.Equal(t, []Table{{ExternRef, c.wantTable}}, got.Tables)
		})
	}
}

func TestInstrumentRefusesModulesThatClashWithTheHost(t *testing.T) {
	for _, c := range []struct {
		name   string
		wasm   []byte
		change func(*Options)
		reason Reason
		text   string
	}{
		{"exports the fuel", file(oneMemory, section(sectionExport, 2,
			6, 'm', 'e', 'm', 'o', 'r', 'y', 2, 0, 4, 'f', 'u', 'e', 'l', 2, 0)), nil, Invalid, `exports "fuel"`},
		{"imports the refuel function", wattest.Module(t, "import-refuel"), nil, Invalid, `imports "meter" "refuel"`},
		{"memory over the cap", wattest.Module(t, "tiny"), func(o *Options) { o.MemoryPages = 3 }, OverLimit, "4 pages"},
		{"table over the cap", wattest.Module(t, "segments"), func(o *Options) { o.TableEntries = 9 }, OverLimit, "10 entries"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Parse(c.wasm, limits())
			require.NoError(t, err)
			o := options()
			if c.change != nil {
				c.change(&o)
			}
			_, err = Instrument(m, o)
			requireRefusal(t, err, c.reason, c.text)
		})
	}
}

func TestInstrumentKeepsListedCustomSectionsOnly(t *testing.T) {
	m, err := Parse(wattest.Module(t, "kv-echo"), limits())
	require.NoError(t, err)
	want, ok, err := m.Custom("cred.manifest")
	require.NoError(t, err)
	require.True(t, ok)

	out, err := Instrument(m, options())
	require.NoError(t, err)
	require.Empty(t, reread(t, out).Customs)

	o := options()
	o.KeepCustom = []string{"cred.manifest"}
	out, err = Instrument(m, o)
	require.NoError(t, err)
	got, ok, err := reread(t, out).Custom("cred.manifest")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, want, got)
}

// Fuel that was used by a call is what the instructions on its way cost: each
// region counts its instructions when it is entered.
func TestChargesCountInstructions(t *testing.T) {
	const much = 1 << 60
	r := newRuntime(t, func(_ context.Context, mod api.Module) {
		mod.ExportedGlobal("fuel").(api.MutableGlobal).Set(much)
	})
	mod := start(t, r, instrumented(t, wattest.Module(t, "sum")))
	fuel := mod.ExportedGlobal("fuel").(api.MutableGlobal)
	used := func(name string, n uint64) int64 {
		fuel.Set(much)
		_, err := mod.ExportedFunction(name).Call(context.Background(), n)
		require.NoError(t, err)
		return much - int64(fuel.Get())
	}
	// count: (loop, local.get, end) and a parameter and a result; six
	// instructions each time around.
	require.EqualValues(t, 5+6, used("count", 1))
	require.EqualValues(t, 5+6*1000, used("count", 1000))
	// fib: 17 instructions, a parameter and a result for each of the calls.
	require.EqualValues(t, 19, used("fib", 1))
	require.EqualValues(t, 19*9, used("fib", 4))
	// lookup_credentials: two instructions, a parameter and a result.
	require.EqualValues(t, 4, used("lookup_credentials", 0))
}

// Operations over a length are charged by that length, taken as unsigned.
func TestChargesFollowTheLength(t *testing.T) {
	const much = 1 << 60
	length := []byte{opI32Const, 0x80, 0x80, 0x04} // 65536
	args := join([]byte{opI32Const, 0, opI32Const, 0}, length)
	for _, c := range []struct {
		name  string
		code  []byte
		want  int64
		traps bool
	}{
		{"memory.fill", join(args, []byte{opMisc, miscMemoryFill, 0, opEnd}), 5 + 65536/16, false},
		{"memory.copy", join(args, []byte{opMisc, miscMemoryCopy, 0, 0, opEnd}), 5 + 65536/16, false},
		{"table.fill", []byte{opI32Const, 0, opRefNull, byte(FuncRef), opI32Const, 1, opMisc, miscTableFill, 0, opEnd}, 5 + 1, false},
		{"table.copy", []byte{opI32Const, 0, opI32Const, 0, opI32Const, 1, opMisc, miscTableCopy, 0, 0, opEnd}, 5 + 1, false},
		{"table.grow", []byte{opRefNull, byte(FuncRef), opI32Const, 9, opMisc, miscTableGrow, 0, 0x1a, opEnd}, 5 + 9, false},
		{"memory.grow", []byte{opI32Const, 3, opMemoryGrow, 0, 0x1a, opEnd}, 4 + 3*65536/16, false},
		{"length of -1", []byte{opI32Const, 0, opI32Const, 0, opI32Const, 0x7f, opMisc, miscMemoryFill, 0, opEnd}, 5 + (1<<32-1)/16, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			wasm := withCode(c.code...)
			m, err := Parse(wasm, limits())
			require.NoError(t, err)
			m.Exports = append(m.Exports, Export{Name: "run", Kind: KindFunc})
			out, err := Instrument(m, options())
			require.NoError(t, err)
			mod := start(t, newRuntime(t, refill), out)
			fuel := mod.ExportedGlobal("fuel").(api.MutableGlobal)
			fuel.Set(much)
			_, err = mod.ExportedFunction("run").Call(context.Background())
			require.Equal(t, c.traps, err != nil, "%v", err)
			require.Equal(t, c.want, much-int64(fuel.Get()))
		})
	}
}
