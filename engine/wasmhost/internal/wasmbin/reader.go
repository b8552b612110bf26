package wasmbin

import "unicode/utf8"

// reader reads a range of a file. The first error stays, and every read after
// it returns zero, so that callers check once per loop instead of once per read.
type reader struct {
	file []byte
	pos  int
	end  int
	// where names what is being read, for messages.
	where string
	err   *Error
}

func (r *reader) failf(reason Reason, offset int, format string, args ...any) {
	if r.err == nil {
		r.err = refuse(reason, offset, format, args...)
	}
	r.pos = r.end
}

func (r *reader) truncated() {
	r.failf(Malformed, r.end, "the %s ends too early; the file is truncated or damaged", r.where)
}

func (r *reader) left() int { return r.end - r.pos }

func (r *reader) byte() byte {
	if r.pos >= r.end {
		r.truncated()
		return 0
	}
	b := r.file[r.pos]
	r.pos++
	return b
}

// skip passes over n bytes and returns them.
func (r *reader) skip(n int) []byte {
	if n < 0 || n > r.left() {
		r.truncated()
		return nil
	}
	b := r.file[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return b
}

// u32 reads an unsigned LEB128 number of at most five bytes. Padding within
// those five is legal, linkers leave it where they patch numbers.
func (r *reader) u32() uint32 {
	if r.pos < r.end && r.file[r.pos] < 0x80 {
		r.pos++
		return uint32(r.file[r.pos-1])
	}
	start := r.pos
	var v uint32
	for shift := 0; shift < 35; shift += 7 {
		b := r.byte()
		if shift == 28 && b > 0x0f {
			break
		}
		v |= uint32(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
	r.failf(Malformed, start, "the %s holds a number that does not fit in 32 bits", r.where)
	return 0
}

// signed reads a signed LEB128 number of the given width (32, 33 or 64 bits).
func (r *reader) signed(bits int) int64 {
	start := r.pos
	var v int64
	for shift := 0; shift < bits; shift += 7 {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		v |= int64(b&0x7f) << shift
		if b >= 0x80 {
			continue
		}
		if rest := bits - shift; rest < 7 {
			// The bits above the width must repeat the sign bit.
			if sign := int8(b<<1) >> rest; sign != 0 && sign != -1 {
				break
			}
		}
		if unused := 64 - 7 - shift; unused > 0 {
			v = v << unused >> unused
		}
		return v
	}
	r.failf(Malformed, start, "the %s holds a signed number that does not fit in %d bits", r.where, bits)
	return 0
}

// count reads the length of a vector whose elements need at least size bytes
// each, and refuses more than limit of them. What it returns is safe to
// allocate for: there are at least that many bytes left.
func (r *reader) count(what string, limit, size int) int {
	start := r.pos
	n := int(r.u32())
	if n > limit {
		r.failf(OverLimit, start, "the module has %d %s, the limit is %d", n, what, limit)
		return 0
	}
	if n*size > r.left() {
		r.truncated()
		return 0
	}
	return n
}

func (r *reader) name() string {
	start := r.pos
	b := r.skip(int(r.u32()))
	if !utf8.Valid(b) {
		r.failf(Malformed, start, "the %s holds a name that is not valid UTF-8", r.where)
		return ""
	}
	return string(b)
}

func (r *reader) valueType() ValueType {
	start := r.pos
	t := ValueType(r.byte())
	switch t {
	case I32, I64, F32, F64, V128, FuncRef, ExternRef:
		return t
	}
	r.failf(Unsupported, start, "the %s uses the value type %#x, which is not part of WebAssembly 2.0", r.where, byte(t))
	return 0
}

func (r *reader) refType() ValueType {
	start := r.pos
	t := r.valueType()
	if t != FuncRef && t != ExternRef {
		r.failf(Malformed, start, "the %s needs a reference type and has %s", r.where, t)
	}
	return t
}

// index reads an index and refuses one that is not below n. Every index of
// the original module passes through here: the rewriter appends a function, a
// global and locals, and a guest must not be able to name them.
func (r *reader) index(what string, n int) uint32 {
	start := r.pos
	i := r.u32()
	if r.err == nil && int(i) >= n {
		r.failf(Invalid, start, "the %s refers to %s %d, but the module has %d", r.where, what, i, n)
	}
	return i
}

// done reports an error if bytes are left.
func (r *reader) done() {
	if r.err == nil && r.pos != r.end {
		r.failf(Malformed, r.pos, "the %s has %d bytes more than its content needs", r.where, r.left())
	}
}
