package wasmbin

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

func repeat(n int, b ...byte) []byte { return bytes.Repeat(b, n) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// requireRefusal fails unless err is an Error of that reason with that text.
func requireRefusal(t *testing.T, err error, reason Reason, text string) {
	t.Helper()
	var refusal *Error
	require.ErrorAs(t, err, &refusal)
	require.Contains(t, refusal.Detail, text)
	require.Equal(t, reason, refusal.Reason, "%v", refusal)
	require.Contains(t, refusal.Error(), "at byte offset 0x")
}

func TestParseRefusesWhatIsNoModule(t *testing.T) {
	for _, c := range []struct {
		name   string
		file   []byte
		reason Reason
		text   string
	}{
		{"empty", nil, Malformed, "not WebAssembly"},
		{"text", []byte("(module)"), Malformed, "not WebAssembly"},
		{"half a header", []byte("\x00asm\x01"), Malformed, "ends too early"},
		{"version 2", []byte("\x00asm\x02\x00\x00\x00"), Unsupported, "version"},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), Component, "build a core module"},
		{"header only", file(), Invalid, "no memory"},
		{"section beyond the file", append(file(), sectionType, 100, 0), Malformed, "100 bytes, but 1 are left"},
		{"size of 6 bytes", append(file(), sectionType, 0x80, 0x80, 0x80, 0x80, 0x80, 0), Malformed, "32 bits"},
		{"size over 32 bits", append(file(), sectionType, 0xff, 0xff, 0xff, 0xff, 0x1f), Malformed, "32 bits"},
		{"unknown section", file(section(14)), Malformed, "section number 14"},
		{"duplicate section", file(oneType, oneType), Malformed, "duplicate"},
		{"wrong order", file(oneMemory, oneType), Malformed, "wrong place"},
		{"data count behind the code", file(section(sectionCode, 0), section(sectionDataCount, 0)), Malformed, "wrong place"},
		{"bytes left over", file(section(sectionType, 1, 0x60, 0, 0, 0)), Malformed, "1 bytes more"},
		{"count beyond the section", file(section(sectionType, 200, 1, 0x60, 0, 0)), Malformed, "ends too early"},
		{"name that is not UTF-8", file(section(sectionCustom, 1, 0xff)), Malformed, "UTF-8"},
		{"type that is no function", file(section(sectionType, 1, 0x5f, 0, 0)), Unsupported, "no function type"},
		{"value type of a later proposal", file(section(sectionType, 1, 0x60, 1, 0x69, 0)), Unsupported, "0x69"},
		{"code without functions", file(oneType, section(sectionCode, 1, 2, 0, opEnd)), Malformed, "declares 0 functions"},
		{"functions without code", file(oneType, section(sectionFunction, 1, 0)), Malformed, "has code for 0"},
		{"data count without data", file(oneMemory, memoryName, section(sectionDataCount, 1)), Malformed, "declares 1 data segments"},
		{"exported twice", file(oneMemory, section(sectionExport, 2, 1, 'm', 2, 0, 1, 'm', 2, 0)), Invalid, "exported twice"},
		{"memory exported as function", file(oneType, section(sectionImport, 1, 1, 'a', 1, 'b', 0, 0), oneMemory,
			section(sectionExport, 1, 6, 'm', 'e', 'm', 'o', 'r', 'y', 0, 0)), Invalid, "does not export its memory"},
		{"memory max below min", file(section(sectionMemory, 1, 1, 2, 1)), Invalid, "less than its minimum"},
		{"start with parameters", file(section(sectionType, 1, 0x60, 1, byte(I32), 0),
			section(sectionImport, 1, 1, 'a', 1, 'b', 0, 0), section(sectionStart, 0)), Invalid, "start function"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.file, limits())
			requireRefusal(t, err, c.reason, c.text)
		})
	}
}

// The rewriter appends a function, a global and local variables. A module that
// names them before they are there must not get through.
func TestParseRefusesIndexesThatTheRewriterWouldMakeValid(t *testing.T) {
	for _, c := range []struct {
		name string
		code []byte
		text string
	}{
		{"global.set of the fuel", []byte{opI64Const, 0xff, 0, opGlobalSet, 2, opEnd}, "global 2"},
		{"global.get of the fuel", []byte{opGlobalGet, 2, 0x1a, opEnd}, "global 2"},
		{"global.set of the fuel, padded", []byte{opI64Const, 0, opGlobalSet, 0x82, 0x80, 0x00, opEnd}, "global 2"},
		{"call of one function too many", []byte{opCall, 1, opEnd}, "function 1"},
		{"ref.func of one function too many", []byte{opRefFunc, 1, 0x1a, opEnd}, "function 1"},
		{"local.get of the scratch variable", []byte{opLocalGet, 0, 0x1a, opEnd}, "local variable 0"},
		{"local.set of the scratch variable", []byte{opI32Const, 0, 0x21, 0, opEnd}, "local variable 0"},
		{"block of an appended type", []byte{opBlock, 1, opEnd, opEnd}, "type 1"},
		{"call_indirect of an appended type", []byte{opI32Const, 0, 0x11, 1, 0, opEnd}, "type 1"},
		{"call_indirect of a second table", []byte{opI32Const, 0, 0x11, 0, 1, opEnd}, "table 1"},
		{"branch out of the function", []byte{0x0c, 1, opEnd}, "label 1"},
		{"table.get of a second table", []byte{opI32Const, 0, 0x25, 1, opEnd}, "table 1"},
		{"elem.drop of nothing", []byte{opMisc, 0x0d, 0, opEnd}, "element segment 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(withCode(c.code...), limits())
			requireRefusal(t, err, Invalid, c.text)
		})
	}
	t.Run("export of the fuel", func(t *testing.T) {
		_, err := Parse(file(oneMemory, section(sectionExport, 1, 1, 'f', byte(KindGlobal), 0)), limits())
		requireRefusal(t, err, Invalid, "global 0")
	})
	t.Run("constant expression with the fuel", func(t *testing.T) {
		_, err := Parse(file(oneMemory, section(sectionGlobal, 1, byte(I64), 0, opGlobalGet, 0, opEnd)), limits())
		requireRefusal(t, err, Invalid, "reads a global")
	})
	t.Run("element of one function too many", func(t *testing.T) {
		_, err := Parse(file(section(sectionTable, 1, byte(FuncRef), 0, 1), oneMemory, memoryName,
			section(sectionElement, 1, 0, opI32Const, 0, opEnd, 1, 0)), limits())
		requireRefusal(t, err, Invalid, "function 0")
	})
	t.Run("start of one function too many", func(t *testing.T) {
		_, err := Parse(file(oneMemory, memoryName, section(sectionStart, 0)), limits())
		requireRefusal(t, err, Invalid, "function 0")
	})
}

func TestParseRefusesInstructions(t *testing.T) {
	for _, c := range []struct {
		name   string
		code   []byte
		reason Reason
		text   string
	}{
		{"exceptions", []byte{0x08, 0, opEnd}, Unsupported, "exception handling"},
		{"tail calls", []byte{0x12, 0, opEnd}, Unsupported, "tail calls"},
		{"atomics", []byte{0xfe, 0x03, 0, opEnd}, Unsupported, "atomics"},
		{"typed references", []byte{0x14, 0, opEnd}, Unsupported, "typed function references"},
		{"garbage collection", []byte{0xfb, 0, opEnd}, Unsupported, "garbage collected"},
		{"unknown misc", []byte{opMisc, 18, opEnd}, Unsupported, "0xfc 0x12"},
		{"padded misc", []byte{opMisc, 0x80, 0, opEnd}, Malformed, "padding"},
		{"relaxed vectors", []byte{opVector, 0x80, 0x02, opEnd}, Unsupported, "0xfd 0x100"},
		{"hole among the vectors", []byte{opVector, 0x9a, 0x01, opEnd}, Unsupported, "0xfd 0x9a"},
		// wazero would read i16x8.abs and then an unreachable.
		{"padded vector", []byte{opVector, 0x80, 0x00, opEnd}, Malformed, "padding"},
		{"second memory", []byte{0x3f, 1, 0x1a, opEnd}, Unsupported, "second memory"},
		{"memory.copy to a second memory", []byte{opMisc, miscMemoryCopy, 0, 1, opEnd}, Unsupported, "second memory"},
		{"memory access with a memory number", []byte{opI32Const, 0, 0x28, 0x42, 1, 0, 0x1a, opEnd}, Unsupported, "alignment"},
		{"memory.init without data count", []byte{opMisc, miscMemoryInit, 0, 0, opEnd}, Invalid, "data count"},
		{"select of two types", []byte{0x1c, 2, 0x7f, 0x7f, opEnd}, Malformed, "exactly one type"},
		{"else without if", []byte{opElse, opEnd}, Malformed, "else without an if"},
		{"second else", []byte{opI32Const, 0, opIf, emptyBlock, opElse, opElse, opEnd, opEnd}, Malformed, "else without an if"},
		{"code behind the end", []byte{opEnd, opEnd}, Malformed, "1 bytes more"},
		{"no end", []byte{0x01}, Malformed, "ends too early"},
		{"block without end", []byte{opBlock, emptyBlock, opEnd}, Malformed, "ends too early"},
		{"padded block type", []byte{opBlock, 0xc0, 0x7f, opEnd, opEnd}, Invalid, "block of type -64"},
		{"i32 of 33 bits", []byte{opI32Const, 0xff, 0xff, 0xff, 0xff, 0x1f, 0x1a, opEnd}, Malformed, "32 bits"},
		{"i32 of 6 bytes", []byte{opI32Const, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0x1a, opEnd}, Malformed, "32 bits"},
		{"i64 of 65 bits", join([]byte{opI64Const}, repeat(9, 0xff), []byte{0x02, 0x1a, opEnd}), Malformed, "64 bits"},
		{"truncated constant", []byte{opF64Const, 0, 0}, Malformed, "ends too early"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(withCode(c.code...), limits())
			requireRefusal(t, err, c.reason, c.text)
		})
	}
}

func TestParseAcceptsNumbersAtTheirBounds(t *testing.T) {
	for name, code := range map[string][]byte{
		"i32 minimum":  {opI32Const, 0x80, 0x80, 0x80, 0x80, 0x78, 0x1a, opEnd},
		"i32 maximum":  {opI32Const, 0xff, 0xff, 0xff, 0xff, 0x07, 0x1a, opEnd},
		"i32 -1, long": {opI32Const, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x1a, opEnd},
		"i64 minimum":  join([]byte{opI64Const}, repeat(9, 0x80), []byte{0x7f, 0x1a, opEnd}),
		"i64 maximum":  join([]byte{opI64Const}, repeat(9, 0xff), []byte{0x00, 0x1a, opEnd}),
		"padded index": {opGlobalGet, 0x81, 0x80, 0x80, 0x80, 0x00, 0x1a, opEnd},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(withCode(code...), limits())
			require.NoError(t, err)
		})
	}
}

func TestParseReadsTheTinyGuest(t *testing.T) {
	m, err := Parse(wattest.Module(t, "tiny"), DefaultLimits())
	require.NoError(t, err)

	require.Len(t, m.Imports, 2)
	require.Equal(t, "cred_v1", m.Imports[0].Module)
	require.Equal(t, "input_read", m.Imports[0].Name)
	require.Equal(t, "(i32, i32, i32) -> (i32)", m.Imports[0].Type.String())
	require.Equal(t, Size{Min: 4}, m.Memory)
	require.Equal(t, []Global{{I32, true}, {I32, true}}, m.Globals)
	require.False(t, m.HasStart)

	lookup, ok := m.ExportedFunc("lookup_credentials")
	require.True(t, ok)
	require.True(t, lookup.Equal(FuncType{Params: []ValueType{I32}, Results: []ValueType{I32}}))
	_, ok = m.ExportedFunc("memory")
	require.False(t, ok, "the memory is no function")
	_, ok = m.Export("_start")
	require.False(t, ok)
}

func TestParseRefusesTheHostileSources(t *testing.T) {
	for name, want := range map[string]struct {
		reason Reason
		text   string
	}{
		"memory-none":     {Invalid, "no memory"},
		"memory-hidden":   {Invalid, `does not export its memory as "memory"`},
		"memory-imported": {Invalid, `"env" "memory", which is a memory`},
		"memory-large":    {OverLimit, "65536 pages"},
		"memory-two":      {OverLimit, "2 memories"},
		"memory-shared":   {Unsupported, "shared"},
		"memory-64":       {Unsupported, "wasm32"},
		"exceptions":      {Unsupported, "exception handling"},
		"atomics":         {Unsupported, "atomics"},
		"tail-call":       {Unsupported, "tail calls"},
		"tables-many":     {OverLimit, "5 tables"},
		"table-large":     {OverLimit, "100000000 entries"},
		"import-table":    {Invalid, "which is a table"},
		"import-global":   {Invalid, "which is a global"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(wattest.Module(t, name), limits())
			requireRefusal(t, err, want.reason, want.text)
		})
	}
}
