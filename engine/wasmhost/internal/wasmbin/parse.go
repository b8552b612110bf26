package wasmbin

import "bytes"

// raw keeps what the rewriter needs of the parsed file.
type raw struct {
	file   []byte
	limits Limits
	// sections holds the content of each section by its number, without
	// the header. Absent sections are empty.
	sections [sectionCount]extent
	// elems is the number of element segments.
	elems        int
	hasDataCount bool
	dataCount    uint32
	// functionRefs holds where, outside of the code, the index of a function
	// stands, in the order of the file.
	functionRefs []int
	// changesTables says that code changes a table or drops a segment,
	// growsTables that it grows a table.
	changesTables, growsTables bool
	// bodies holds the range of each function body, locals included.
	bodies []body
	// costs holds, for each function, the instructions outside of its loops,
	// followed by the instructions of each loop in the order of the loops.
	costs []uint32
}

// extent is a range of offsets in the file, the second not included.
type extent struct{ start, end int }

// body is one entry of the code section.
type body struct {
	extent
	// groups is where the groups of local variables begin, after their
	// number, and code is where the instructions begin.
	groups int
	code   int
	// groupCount is the number of groups, locals the number of variables
	// with the parameters.
	groupCount int
	locals     int
	// bulk says that the length of an operation must be kept for a charge.
	bulk bool
}

// The numbers of the sections, section 5.5 of the specification.
const (
	sectionCustom    = 0
	sectionType      = 1
	sectionImport    = 2
	sectionFunction  = 3
	sectionTable     = 4
	sectionMemory    = 5
	sectionGlobal    = 6
	sectionExport    = 7
	sectionStart     = 8
	sectionElement   = 9
	sectionCode      = 10
	sectionData      = 11
	sectionDataCount = 12
	sectionTag       = 13
	sectionCount     = 13
)

// sectionOrder holds the place of each section in a file; the data count,
// numbered last, stands before the code that needs it.
var sectionOrder = [sectionCount]int{
	sectionType: 1, sectionImport: 2, sectionFunction: 3, sectionTable: 4, sectionMemory: 5, sectionGlobal: 6,
	sectionExport: 7, sectionStart: 8, sectionElement: 9, sectionDataCount: 10, sectionCode: 11, sectionData: 12,
}

var sectionNames = [sectionCount]string{
	"custom section", "type section", "import section", "function section", "table section", "memory section",
	"global section", "export section", "start section", "element section", "code section", "data section",
	"data count section",
}

// Parse reads a core WebAssembly binary and checks everything that can be
// checked without typing the operand stack: the encoding, the order and the
// size of sections, each index, each instruction, and the limits. The result
// refers to wasm, which must not be changed afterwards.
//
// A module that passes has exactly one memory, defined by itself, unshared,
// 32-bit and exported as "memory", and imports functions only.
// Each error is an *[Error].
func Parse(wasm []byte, l Limits) (*Module, error) {
	if len(wasm) > l.ModuleBytes {
		return nil, refuse(OverLimit, l.ModuleBytes, "the module has %d bytes, the limit is %d", len(wasm), l.ModuleBytes)
	}
	p := &parser{
		reader: reader{file: wasm, end: len(wasm), where: "file"},
		m:      &Module{raw: raw{file: wasm, limits: l}},
		limits: &l,
	}
	p.header()
	place := 0
	for p.err == nil && p.left() > 0 {
		place = p.section(place)
	}
	p.whole()
	if p.err != nil {
		return nil, p.err
	}
	return p.m, nil
}

// parser fills a Module section by section.
type parser struct {
	reader
	m      *Module
	limits *Limits
	// memories and dataSegments count what must agree with other sections.
	memories     int
	dataSegments int
}

// header reads the magic number and the version. Components share the magic
// number and differ in the two bytes of the layer.
func (r *reader) header() {
	if !bytes.HasPrefix(r.file, []byte("\x00asm")) {
		r.failf(Malformed, 0, "the file is not WebAssembly: it does not begin with the bytes 00 61 73 6d")
		return
	}
	r.skip(4)
	version := r.skip(4)
	switch {
	case r.err != nil || bytes.Equal(version, []byte{1, 0, 0, 0}):
	case version[2] == 1 && version[3] == 0:
		r.failf(Component, 4, "the file is a WebAssembly component; build a core module (for Rust the target wasm32-unknown-unknown or wasm32-wasip1, for Go -buildmode=c-shared)")
	default:
		r.failf(Unsupported, 4, "the file has the WebAssembly version % x, only version 1 is known", version)
	}
}

// frame reads the header of a section and returns its number and content.
func (r *reader) frame() (int, extent) {
	r.where = "section header"
	id := int(r.byte())
	size := int(r.u32())
	at := r.pos
	if r.err == nil && size > r.left() {
		name := "unknown section"
		if id < sectionCount {
			name = sectionNames[id]
		}
		r.failf(Malformed, at, "the %s says it has %d bytes, but %d are left in the file", name, size, r.left())
	}
	r.skip(size)
	return id, extent{at, at + size}
}

// section reads one section; it must stand behind the given place in the order.
func (p *parser) section(place int) int {
	start := p.pos
	id, content := p.frame()
	switch {
	case p.err != nil:
		return place
	case id == sectionTag:
		p.failf(Unsupported, start, "the module has a tag section; compile without exception handling")
		return place
	case id >= sectionCount:
		p.failf(Malformed, start, "the section number %d does not exist", id)
		return place
	}
	if id != sectionCustom {
		if sectionOrder[id] <= place {
			p.failf(Malformed, start, "the %s is a duplicate or stands in the wrong place", sectionNames[id])
			return place
		}
		place = sectionOrder[id]
		p.m.raw.sections[id] = content
	}
	p.pos, p.end, p.where = content.start, content.end, sectionNames[id]
	p.content(id, start)
	p.done()
	p.pos, p.end, p.where = content.end, len(p.file), "file"
	return place
}

// content dispatches to the reader of the section.
func (p *parser) content(id, start int) {
	switch id {
	case sectionCustom:
		p.custom(start)
	case sectionType:
		p.types()
	case sectionImport:
		p.imports()
	case sectionFunction:
		p.functions()
	case sectionTable:
		p.tables()
	case sectionMemory:
		p.memory()
	case sectionGlobal:
		p.globals()
	case sectionExport:
		p.exports()
	case sectionStart:
		p.start()
	case sectionElement:
		p.elements()
	case sectionDataCount:
		p.m.raw.hasDataCount = true
		p.m.raw.dataCount = uint32(p.count("data segments", p.limits.DataSegments, 0))
	case sectionCode:
		p.code()
	case sectionData:
		p.data()
	}
}

// whole checks what only the whole file can tell.
func (p *parser) whole() {
	m, end := p.m, len(p.file)
	if len(m.raw.bodies) != len(m.Functions) {
		p.failf(Malformed, end, "the module declares %d functions and has code for %d", len(m.Functions), len(m.raw.bodies))
	}
	if m.raw.hasDataCount && int(m.raw.dataCount) != p.dataSegments {
		p.failf(Malformed, end, "the module declares %d data segments and has %d", m.raw.dataCount, p.dataSegments)
	}
	if p.memories == 0 {
		p.failf(Invalid, end, "the module has no memory; it must define one and export it as %q", "memory")
	}
	if e, ok := m.Export("memory"); !ok || e.Kind != KindMemory {
		p.failf(Invalid, end, "the module does not export its memory as %q", "memory")
	}
}

// functionCount is the number of functions, imported and defined.
func (m *Module) functionCount() int { return len(m.Imports) + len(m.Functions) }
