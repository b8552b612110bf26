package wasmbin

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// vec returns n copies of an entry behind their number.
func vec(n int, entry ...byte) []byte {
	var w writer
	w.length(n)
	return join(w.out, repeat(n, entry...))
}

// nest puts blocks of one kind within each other.
func nest(op byte, depth int) []byte {
	return withCode(join(repeat(depth, op, emptyBlock), repeat(depth+1, opEnd))...)
}

// with returns a module around one section, with the memory and its export
// where the order allows, unless they are among those before it.
func with(id byte, content []byte, before ...part) []byte {
	parts := append(before, part{id, content})
	if id < sectionMemory {
		parts = append(parts, oneMemory)
	}
	if id < sectionExport {
		parts = append(parts, memoryName)
	}
	return file(parts...)
}

// limitCases say, for each limit, how to set it to n and how to build a module
// that has n.
var limitCases = []struct {
	name  string
	lower func(l *Limits, n int)
	build func(n int) []byte
}{
	{"module", func(l *Limits, n int) { l.ModuleBytes = n + 100 }, func(n int) []byte {
		return withCode(join(repeat(n+100-len(withCode(opEnd)), 0x01), []byte{opEnd})...)
	}},
	{"types", func(l *Limits, n int) { l.Types = n }, func(n int) []byte { return with(sectionType, vec(n, 0x60, 0, 0)) }},
	{"parameters", func(l *Limits, n int) { l.Params = n }, func(n int) []byte {
		return with(sectionType, join([]byte{1, 0x60}, vec(n, byte(I32)), []byte{0}))
	}},
	{"results", func(l *Limits, n int) { l.Params = n }, func(n int) []byte {
		return with(sectionType, join([]byte{1, 0x60, 0}, vec(n, byte(I32))))
	}},
	{"imports", func(l *Limits, n int) { l.Imports = n }, func(n int) []byte {
		return with(sectionImport, vec(n, 1, 'a', 1, 'b', 0, 0), oneType)
	}},
	{"functions", func(l *Limits, n int) { l.Functions = n }, func(n int) []byte {
		return file(oneType, part{sectionFunction, vec(n, 0)}, oneMemory, memoryName, part{sectionCode, vec(n, 2, 0, opEnd)})
	}},
	{"body", func(l *Limits, n int) { l.BodyBytes = n }, func(n int) []byte {
		return withCode(join(repeat(n-2, 0x01), []byte{opEnd})...)
	}},
	{"locals", func(l *Limits, n int) { l.Locals = n }, func(n int) []byte { return withBody(1, byte(n), byte(I32), opEnd) }},
	{"groups of locals", func(l *Limits, n int) { l.Locals = n }, func(n int) []byte {
		return withBody(append(vec(n, 1, byte(I32)), opEnd)...)
	}},
	{"loop nest", func(l *Limits, n int) { l.LoopNest = n }, func(n int) []byte { return nest(opLoop, n) }},
	{"block nest", func(l *Limits, n int) { l.BlockNest = n }, func(n int) []byte { return nest(opBlock, n) }},
	{"loops", func(l *Limits, n int) { l.Loops = n }, func(n int) []byte {
		return withCode(join(repeat(n, opLoop, emptyBlock, opEnd), []byte{opEnd})...)
	}},
	{"blocks", func(l *Limits, n int) { l.Blocks = n }, func(n int) []byte {
		return withCode(join(repeat(n, opBlock, emptyBlock, opEnd), []byte{opEnd})...)
	}},
	{"variables times blocks", func(l *Limits, n int) { l.VariableBlocks = 3 * n }, func(n int) []byte {
		return withBody(join([]byte{1, 3, byte(I32)}, repeat(n, opBlock, emptyBlock, opEnd), []byte{opEnd})...)
	}},
	{"br_table", func(l *Limits, n int) { l.BrTable = n }, func(n int) []byte {
		return withCode(join([]byte{opI32Const, 0, 0x0e}, vec(n, 0), []byte{0, opEnd})...)
	}},
	{"globals", func(l *Limits, n int) { l.Globals = n }, func(n int) []byte {
		return file(oneMemory, part{sectionGlobal, vec(n, byte(I32), 0, opI32Const, 0, opEnd)}, memoryName)
	}},
	{"exports", func(l *Limits, n int) { l.Exports = n }, func(n int) []byte {
		var w writer
		w.length(n)
		for i := range n - 1 {
			w.byte(1, byte('A'+i), byte(KindMemory), 0)
		}
		return file(oneMemory, part{sectionExport, join(w.out, memoryName.content[1:])})
	}},
	{"data segments", func(l *Limits, n int) { l.DataSegments = n }, func(n int) []byte { return with(sectionData, vec(n, 1, 0), oneMemory, memoryName) }},
	{"element segments", func(l *Limits, n int) { l.ElemSegments = n }, func(n int) []byte {
		return with(sectionElement, vec(n, 1, 0, 0), oneMemory, memoryName)
	}},
	{"tables", func(l *Limits, n int) { l.Tables = n }, func(n int) []byte {
		return with(sectionTable, vec(n, byte(FuncRef), 0, 1))
	}},
	{"table entries", func(l *Limits, n int) { l.TableEntries = uint32(n) }, func(n int) []byte {
		return with(sectionTable, []byte{1, byte(FuncRef), 0, byte(n)})
	}},
	{"memory pages", func(l *Limits, n int) { l.MemoryPages = uint32(n) }, func(n int) []byte {
		return file(section(sectionMemory, 1, 0, byte(n)), memoryName)
	}},
	{"custom sections", func(l *Limits, n int) { l.CustomSections = n }, func(n int) []byte {
		return append(file(oneMemory, memoryName), repeat(n, sectionCustom, 2, 1, 'c')...)
	}},
}

func TestEachLimitHolds(t *testing.T) {
	for _, c := range limitCases {
		t.Run(c.name, func(t *testing.T) {
			const n = 20
			l := DefaultLimits()
			c.lower(&l, n)
			_, err := Parse(c.build(n), l)
			require.NoError(t, err)
			_, err = Parse(c.build(n+1), l)
			var refusal *Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, OverLimit, refusal.Reason, "%v", err)
		})
	}
}
