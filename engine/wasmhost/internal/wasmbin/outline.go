package wasmbin

import "strings"

// Section is one section of a file, as it lies there.
type Section struct {
	// Name is "code", "data", …; that of a custom section is its own name in
	// quotes.
	Name string
	// Offset and Size are those of the section with its header, in bytes.
	Offset, Size int
}

// Outline lists the sections of a file in their order, up to the first that
// cannot be read. Only the outer structure is looked at.
func Outline(wasm []byte) []Section {
	r := reader{file: wasm, end: len(wasm), where: "file"}
	r.header()
	var all []Section
	for r.err == nil && r.left() > 0 {
		start := r.pos
		id, content := r.frame()
		if r.err != nil || id >= sectionCount {
			break
		}
		s := Section{Name: strings.TrimSuffix(sectionNames[id], " section"), Offset: start, Size: r.pos - start}
		if id == sectionCustom {
			inner := reader{file: wasm, pos: content.start, end: content.end, where: "custom section"}
			s.Name = `"` + inner.name() + `"`
		}
		all = append(all, s)
	}
	return all
}
