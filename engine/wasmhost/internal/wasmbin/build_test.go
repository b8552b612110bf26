package wasmbin

// Hand-made binaries for what no assembler would write.

// part is the content of one section of a test module.
type part struct {
	id      byte
	content []byte
}

func section(id byte, content ...byte) part { return part{id, content} }

// file puts sections behind a header.
func file(parts ...part) []byte {
	w := writer{out: []byte("\x00asm\x01\x00\x00\x00")}
	for _, p := range parts {
		w.byte(p.id)
		w.length(len(p.content))
		w.bytes(p.content)
	}
	return w.out
}

// The sections of the smallest module that is accepted.
var (
	oneType    = section(sectionType, 1, 0x60, 0, 0)
	oneMemory  = section(sectionMemory, 1, 0, 1)
	memoryName = section(sectionExport, 1, 6, 'm', 'e', 'm', 'o', 'r', 'y', byte(KindMemory), 0)
)

// withCode returns a module with one function () -> () of this code, one
// immutable and one mutable i32 global, and one table of one entry.
func withCode(code ...byte) []byte {
	return withBody(append([]byte{0}, code...)...)
}

// withBody is withCode with the groups of local variables in the body.
func withBody(body ...byte) []byte {
	var w writer
	w.length(1)
	w.length(len(body))
	w.bytes(body)
	return file(
		oneType,
		section(sectionFunction, 1, 0),
		section(sectionTable, 1, byte(FuncRef), 0, 1),
		oneMemory,
		section(sectionGlobal, 2, byte(I32), 0, opI32Const, 0, opEnd, byte(I32), 1, opI32Const, 0, opEnd),
		memoryName,
		part{sectionCode, w.out},
	)
}
