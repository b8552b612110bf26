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

// wire is how the value of a field is written.
type wire byte

const (
	wireVarint wire = 0
	wireBytes  wire = 2
)

// field describes one field of a message. Its number is its index.
type field struct {
	name     string
	wire     wire
	repeated bool
}

// decoder walks over the fields of one message. Its first error ends the walk
// and stays.
type decoder struct {
	message string
	fields  []field
	src     []byte
	shared  bool // strings alias src
	base    int  // offset of src in the outermost message
	pos     int  // of the next byte in src
	number  int  // of the current field
	start   int  // where the current field's tag is
	seen    uint32
	err     error
}

// next moves to the next field and returns its number, or 0 at the end and
// after an error.
func (d *decoder) next() int {
	if d.err != nil || d.pos == len(d.src) {
		return 0
	}
	d.number, d.start = 0, d.pos
	tag := uint64(d.src[d.pos])
	if tag < 0x80 { // as every valid one is
		d.pos++
	} else {
		tag = d.varint()
	}
	number, kind := tag>>3, wire(tag&7)
	switch {
	case d.err != nil:
		return 0
	case number == 0 || number >= uint64(len(d.fields)):
		return d.fail(d.start, "unknown field number "+strconv.FormatUint(number, 10))
	}
	d.number = int(number)
	f := &d.fields[d.number]
	switch bit := uint32(1) << d.number; {
	case kind != f.wire:
		return d.fail(d.start, "wire type "+strconv.Itoa(int(kind))+" instead of "+strconv.Itoa(int(f.wire)))
	case d.seen&bit != 0 && !f.repeated:
		return d.fail(d.start, "the field occurs twice")
	default:
		d.seen |= bit
	}
	return d.number
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

// block reads a length and as many bytes, which alias the source.
func (d *decoder) block(limit int) []byte {
	at := d.pos
	var n uint64
	if at < len(d.src) && d.src[at] < 0x80 { // as most are
		n = uint64(d.src[at])
		d.pos++
	} else {
		n = d.varint()
	}
	switch {
	case d.err != nil:
		return nil
	case limit >= 0 && n > uint64(limit):
		d.fail(at, strconv.FormatUint(n, 10)+" bytes, where at most "+strconv.Itoa(limit)+" are allowed")
		return nil
	case n > uint64(len(d.src)-d.pos):
		d.fail(at, strconv.FormatUint(n, 10)+" bytes announced, "+strconv.Itoa(len(d.src)-d.pos)+" are left")
		return nil
	}
	end := d.pos + int(n)
	block := d.src[d.pos:end:end]
	d.pos = end
	return block
}

// text reads a string. It aliases the source if that is shared; else it is a
// copy, or old if that is the same.
func (d *decoder) text(old string) string {
	at := d.pos
	b := d.block(MaxIDBytes)
	switch {
	case !utf8.Valid(b):
		d.fail(at, "not valid UTF-8")
		return ""
	case d.shared:
		return unsafe.String(unsafe.SliceData(b), len(b))
	case string(b) == old:
		return old
	}
	return string(b)
}

// nested returns a decoder of the message in the current field.
func (d *decoder) nested(message string, fields []field) decoder {
	block := d.block(-1)
	return decoder{message: message, fields: fields, src: block, shared: d.shared, base: d.base + d.pos - len(block), err: d.err}
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
