package wasmhost

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

const million = 1_000_000

// Instructions in the binary format.
var (
	emptyLoop  = []byte{0x03, 0x40, 0x0b}
	emptyBlock = []byte{0x02, 0x40, 0x0b}
)

// nested puts so many loops or blocks within each other.
func nested(n int, open byte) []byte {
	return append(bytes.Repeat([]byte{open, 0x40}, n), bytes.Repeat([]byte{0x0b}, n)...)
}

// sectionOf puts a section behind one type of function. It is no whole module:
// the section is refused before that matters.
// XX to the smallest service, in its place.
func sectionOf(id byte, n int, entry ...byte) []byte {
	section := wattest.Section{ID: id, Content: wattest.Vector(n, bytes.Repeat(entry, n))}
	return wattest.File(
		wattest.Section{ID: wattest.SectionType, Content: []byte{1, 0x60, 0, 0}},
		section)
}

// floods are modules of a size or a shape that no assembler should be asked
// for, by the number of their case.
var floods = map[string]struct {
	make  func() []byte
	code  engine.Code
	names string
}{
	"A3 oversize": {func() []byte { return make([]byte, 64<<20) }, engine.CodeTooLarge, "67108864 bytes"},
	"A4 overlong number of types": {func() []byte {
		return wattest.File(wattest.Section{ID: 1, Content: []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x00}})
	}, engine.CodeInvalid, "offset 0x"},
	"A4 length of a section overflows": {func() []byte { return append(wattest.File(), 1, 0xff, 0xff, 0xff, 0xff, 0x0f) }, engine.CodeInvalid, "4294967295 bytes"},
	"A4 length of a body overflows":    {func() []byte { return withBodies(1, []byte{0xff, 0xff, 0xff, 0xff, 0x0f}) }, engine.CodeTooLarge, "4294967295 bytes"},
	"A4 counts more than there is":     {func() []byte { return wattest.File(wattest.Section{ID: 1, Content: []byte{0xff, 0x1f}}) }, engine.CodeInvalid, "offset 0x"},
	"A7 table of 1e9 entries":          {func() []byte { return sectionOf(wattest.SectionTable, 1, 0x70, 0, 0x80, 0x94, 0xeb, 0xdc, 0x03) }, engine.CodeTooLarge, "1000000000 entries"},
	"A7 a thousand tables":             {func() []byte { return sectionOf(wattest.SectionTable, 1000, 0x70, 0, 1) }, engine.CodeTooLarge, "1000 tables"},
	"A8 a million functions":           {func() []byte { return sectionOf(wattest.SectionFunction, million, 0) }, engine.CodeTooLarge, "1000000 functions"},
	"A8 a million types": {func() []byte {
		return wattest.File(wattest.Section{ID: 1, Content: wattest.Vector(million, bytes.Repeat([]byte{0x60, 0, 0}, million))})
	}, engine.CodeTooLarge, "1000000 types"},
	"A8 a million globals":             {func() []byte { return sectionOf(wattest.SectionGlobal, million, 0x7f, 0, 0x41, 0, 0x0b) }, engine.CodeTooLarge, "1000000 globals"},
	"A8 a million exports":             {func() []byte { return sectionOf(wattest.SectionExport, million, 1, 'a', 0, 0) }, engine.CodeTooLarge, "1000000 exports"},
	"A8 a million element segments":    {func() []byte { return sectionOf(wattest.SectionElement, million, 1, 0, 0) }, engine.CodeTooLarge, "1000000 element segments"},
	"A9 500 loops within each other":   {func() []byte { return wattest.Service(wattest.Body(500, nested(500, 0x03))) }, engine.CodeTooLarge, "32 loops within each other"},
	"A9 5000 blocks within each other": {func() []byte { return wattest.Service(wattest.Body(0, nested(5000, 0x02))) }, engine.CodeTooLarge, "4096 blocks within each other"},
	"A9 20000 loops after each other":  {func() []byte { return wattest.Service(wattest.Body(0, bytes.Repeat(emptyLoop, 20_000))) }, engine.CodeTooLarge, "1024 loops"},
	"A9 20000 blocks after each other": {func() []byte { return wattest.Service(wattest.Body(0, bytes.Repeat(emptyBlock, 20_000))) }, engine.CodeTooLarge, "8192 blocks"},
	"A10 br_table with a million": {func() []byte {
		return wattest.Service(wattest.Body(0, []byte{0x41, 0, 0x0e}, wattest.Vector(million, make([]byte, million)), []byte{0}))
	}, engine.CodeTooLarge, "524288"},
	"A10 br_table with 9000": {func() []byte {
		return wattest.Service(wattest.Body(0, []byte{0x41, 0, 0x0e}, wattest.Vector(9000, make([]byte, 9000)), []byte{0}))
	}, engine.CodeTooLarge, "8192"},
	"A11 50000 variables":               {func() []byte { return wattest.Service(wattest.Body(50_000, bytes.Repeat(emptyLoop, 2000))) }, engine.CodeTooLarge, "2048"},
	"A11 4e9 variables":                 {func() []byte { return withBodies(1, []byte{8, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x0b}) }, engine.CodeTooLarge, "2048"},
	"A11 2000 variables and 600 blocks": {func() []byte { return wattest.Service(wattest.Body(2000, bytes.Repeat(emptyBlock, 600))) }, engine.CodeTooLarge, "the limit of the product is 1048576"},
	"A12 a million passive segments":    {func() []byte { return sectionOf(wattest.SectionData, million, 1, 0) }, engine.CodeTooLarge, "1000000 data segments"},
}

// withBodies returns a module whose code section holds so many raw entries.
func withBodies(n int, entry []byte) []byte {
	return wattest.File(
		wattest.Section{ID: wattest.SectionType, Content: []byte{1, 0x60, 0, 0}},
		wattest.Section{ID: wattest.SectionFunction, Content: wattest.Vector(n, make([]byte, n))},
		wattest.Section{ID: wattest.SectionCode, Content: wattest.Vector(n, bytes.Repeat(entry, n))})
}

func TestFloodsAreRefusedAtOnceAndCostNoMemory(t *testing.T) {
	r := newRuntime(t, Options{})
	for name, flood := range floods {
		t.Run(name, func(t *testing.T) {
			wasm := flood.make()
			before := allocated()
			began := time.Now()
			_, err := r.Inspect(t.Context(), wasm)
			took, cost := time.Since(began), allocated()-before
			e := failure(t, flood.code, err)
			require.Contains(t, e.Message, flood.names)
			require.Less(t, took, soon)
			require.Less(t, cost, uint64(16<<20), "bytes allocated for a module of %d", len(wasm))
		})
	}
}

// allocated is the number of bytes that this process has ever allocated.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
