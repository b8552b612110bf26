package wasmabi

import (
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// DecodeError says why bytes are not the message they were given as.
type DecodeError struct {
	Message string // as in credentials.proto
	Field   string // empty when the error is not in a known field
	Offset  int    // of the byte at fault, counted from the start of the outermost message
	Reason  string
}

// Error names the message, the field and the offset.
func (e *DecodeError) Error() string {
	where := e.Message
	if e.Field != "" {
		where += "." + e.Field
	}
	return where + " at byte " + strconv.Itoa(e.Offset) + ": " + e.Reason
}

// kind is what a field holds.
type kind byte

const (
	number  kind = iota // a varint
	text                // UTF-8
	blob                // bytes
	message             // another message
)

// wire returns how a field of this kind is written.
func (k kind) wire() byte {
	if k == number {
		return wireVarint
	}
	return wireBytes
}

// field describes one field of a message. Its number is its index.
type field struct {
	name     string
	kind     kind
	limit    int // of a text or blob, in bytes
	repeated bool
}

// decoder walks over the fields of one message. Its first error ends the walk
// and stays. Go compiled to WebAssembly pays most for calls, so a field is read
// and checked in one.
type decoder struct {
	message string
	fields  []field
	src     []byte
	base    int // offset of src in the outermost message
	pos     int // of the next byte in src
	seen    uint32
	err     error

	// The current field.
	number int
	at     int    // where its value begins
	value  uint64 // of a number
	block  []byte // of any other kind; aliases src
}

// next reads the next field and returns its number, or 0 at the end and after
// an error.
func (d *decoder) next() int {
	if d.err != nil || d.pos == len(d.src) {
		return 0
	}
	start := d.pos
	d.number = 0
	tag := d.src[start]
	n := int(tag >> 3)
	if n == 0 || n >= len(d.fields) || tag >= 0x80 {
		return d.unknown()
	}
	d.pos++
	d.number = n
	f := &d.fields[n]
	if got, want := tag&7, f.kind.wire(); got != want {
		return d.fail(start, "wire type "+strconv.Itoa(int(got))+" instead of "+strconv.Itoa(int(want)))
	}
	if bit := uint32(1) << n; d.seen&bit == 0 || f.repeated {
		d.seen |= bit
	} else {
		return d.fail(start, "the field occurs twice")
	}
	d.at = d.pos
	var v uint64
	if d.pos < len(d.src) && d.src[d.pos] < 0x80 { // as most are
		v = uint64(d.src[d.pos])
		d.pos++
	} else if v = d.varint(); d.err != nil {
		return 0
	}
	if f.kind == number {
		d.value = v
		return d.number
	}
	left := len(d.src) - d.pos
	switch {
	case f.kind != message && v > uint64(f.limit):
		return d.fail(d.at, strconv.FormatUint(v, 10)+" bytes, where at most "+strconv.Itoa(f.limit)+" are allowed")
	case v > uint64(left):
		return d.fail(d.at, strconv.FormatUint(v, 10)+" bytes announced, "+strconv.Itoa(left)+" are left")
	}
	end := d.pos + int(v)
	d.block = d.src[d.pos:end:end]
	d.pos = end
	if f.kind == text && !utf8.Valid(d.block) {
		return d.fail(d.at, "not valid UTF-8")
	}
	return d.number
}

// unknown fails for a tag of no known field. Those of known ones take one
// byte.
func (d *decoder) unknown() int {
	start := d.pos
	if n := d.varint() >> 3; d.err == nil {
		d.fail(start, "unknown field number "+strconv.FormatUint(n, 10))
	}
	return 0
}

// varint reads a number of at most 64 bits in its shortest form.
func (d *decoder) varint() uint64 {
	var v uint64
	for i := 0; ; i++ {
		at := d.pos + i
		if at >= len(d.src) {
			d.fail(len(d.src), "the message ends within a number")
			return 0
		}
		b := d.src[at]
		switch {
		case i == 9 && b > 1:
			d.fail(at, "a number has more than 64 bits")
			return 0
		case b == 0 && i > 0:
			d.fail(at, "a number is not in its shortest form")
			return 0
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			d.pos = at + 1
			return v
		}
	}
}

// shared returns the current field as a string that aliases the source.
func (d *decoder) shared() string {
	return unsafe.String(unsafe.SliceData(d.block), len(d.block)) //nolint:gosec // within the block
}

// nested returns a decoder of the message in the current field.
func (d *decoder) nested(message string, fields []field) decoder {
	return decoder{message: message, fields: fields, src: d.block, base: d.base + d.pos - len(d.block)}
}

// require fails when the field with this number was empty or not there.
func (d *decoder) require(number int, present bool) {
	if !present && d.err == nil {
		d.number = number
		d.fail(len(d.src), "missing or empty")
	}
}

// fail records an error at an offset of src and returns 0.
func (d *decoder) fail(at int, reason string) int {
	if d.err == nil {
		name := ""
		if d.number != 0 {
			name = d.fields[d.number].name
		}
		d.err = &DecodeError{Message: d.message, Field: name, Offset: d.base + at, Reason: reason}
	}
	return 0
}
