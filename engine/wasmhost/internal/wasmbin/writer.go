package wasmbin

import "encoding/binary"

// writer appends to one output buffer.
type writer struct{ out []byte }

func (w *writer) byte(b ...byte)   { w.out = append(w.out, b...) }
func (w *writer) bytes(b []byte)   { w.out = append(w.out, b...) }
func (w *writer) u32(v uint32)     { w.out = binary.AppendUvarint(w.out, uint64(v)) }
func (w *writer) length(v int)     { w.u32(uint32(v)) }
func (w *writer) name(name string) { w.length(len(name)); w.out = append(w.out, name...) }

// i64 writes a signed LEB128 number.
func (w *writer) i64(v int64) {
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			w.out = append(w.out, b)
			return
		}
		w.out = append(w.out, b|0x80)
	}
}

// sizeBytes is the room for a size that is known only after its content, a
// number of 32 bits padded to its longest form.
const sizeBytes = 5

// open reserves room for a size and returns where the content begins.
func (w *writer) open() int {
	w.out = append(w.out, make([]byte, sizeBytes)...)
	return len(w.out)
}

// close fills in the size of the content that began at start.
func (w *writer) close(start int) {
	size := len(w.out) - start
	for i := range sizeBytes {
		b := byte(size>>(7*i)) & 0x7f
		if i < sizeBytes-1 {
			b |= 0x80
		}
		w.out[start-sizeBytes+i] = b
	}
}

// section writes a section whose content is written by fill.
func (w *writer) section(id byte, fill func()) {
	w.byte(id)
	start := w.open()
	fill()
	w.close(start)
}

// size writes the limits of a memory or table with a maximum, the lower of
// its own and the given one.
func (w *writer) size(s Size, maximum uint32) {
	if s.HasMax && s.Max < maximum {
		maximum = s.Max
	}
	w.byte(1)
	w.u32(s.Min)
	w.u32(maximum)
}
