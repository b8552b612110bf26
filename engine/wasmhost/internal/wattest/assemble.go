package wattest

import (
	"bytes"
	"encoding/binary"

	"github.com/credence-engine/credence/wasmabi"
)

// A Section is one section of a generated module.
type Section struct {
	ID      byte
	Content []byte
}

// The numbers of the sections that are generated.
const (
	SectionType     = 1
	SectionImport   = 2
	SectionFunction = 3
	SectionTable    = 4
	SectionMemory   = 5
	SectionGlobal   = 6
	SectionExport   = 7
	SectionElement  = 9
	SectionCode     = 10
	SectionData     = 11
)

// File puts sections behind a header, in the order given.
func File(sections ...Section) []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range sections {
		out = append(append(out, s.ID), Vector(len(s.Content), s.Content)...)
	}
	return out
}

// Vector writes a count before the bytes of that many entries.
func Vector(n int, entries ...[]byte) []byte {
	return append(Number(n), bytes.Join(entries, nil)...)
}

// Number is an unsigned number in LEB128.
func Number(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

// Body is a function's entry of the code section: local variables of type i32,
// and instructions without the last end.
func Body(locals int, code ...[]byte) []byte {
	body := []byte{0}
	if locals > 0 {
		body = append(Vector(1, Number(locals)), 0x7f)
	}
	for _, c := range code {
		body = append(body, c...)
	}
	body = append(body, 0x0b)
	return append(Number(len(body)), body...)
}

// Service returns the smallest service, whose lookup answers OK with nothing,
// together with functions of type () -> () that have the given bodies and that
// nobody calls.
func Service(bodies ...[]byte) []byte {
	lookup := Body(0, []byte{0x41, 0}) // i32.const 0
	marker := Body(0)
	export := func(name string, kind, index byte) []byte {
		return append(append(Number(len(name)), name...), kind, index)
	}
	return File(
		Section{SectionType, []byte{2, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f}},
		Section{SectionFunction, Vector(2+len(bodies), []byte{0, 1}, make([]byte, len(bodies)))},
		Section{SectionMemory, []byte{1, 0, 1}},
		Section{SectionExport, Vector(3,
			export("memory", 2, 0), export(wasmabi.ExportMarker, 0, 0), export(wasmabi.ExportLookup, 0, 1))},
		Section{SectionCode, Vector(2+len(bodies), append([][]byte{marker, lookup}, bodies...)...)},
	)
}

// CompileBomb returns a service that keeps every structural limit and still
// keeps the compiler busy, for about a second for each function: in each of many
// blocks another variable changes.
func CompileBomb(functions int) []byte {
	const variables, blocks = 1000, 1000
	var code []byte
	for i := range blocks {
		code = append(append(code, 0x20), Number(i%variables)...)                 // local.get
		code = append(code, 0x04, 0x40, 0x41, 1)                                  // if, i32.const 1
		code = append(append(append(code, 0x21), Number(i*7%variables)...), 0x0b) // local.set, end
	}
	body := Body(variables, code)
	bodies := make([][]byte, functions)
	for i := range bodies {
		bodies[i] = body
	}
	return Service(bodies...)
}
