package wasmbin

// Largest returns the defined function with the most code: its index, where
// its body begins in the file and how many bytes that has. It is all zeros
// when the module defines no function.
func (m *Module) Largest() (index uint32, offset, size int) {
	for i, b := range m.raw.bodies {
		if n := b.end - b.start; n > size {
			index, offset, size = uint32(len(m.Imports)+i), b.start, n
		}
	}
	return index, offset, size
}
