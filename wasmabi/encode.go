package wasmabi

// The wire types of this ABI.
const (
	wireVarint byte = 0
	wireBytes  byte = 2
)

// Every field number of this ABI is below 16, so a tag takes one byte.
const tagBytes = 1

func appendTag(dst []byte, number int, wire byte) []byte {
	return append(dst, byte(number)<<3|wire)
}

func appendVarint(dst []byte, v uint64) []byte {
	for ; v >= 0x80; v >>= 7 {
		dst = append(dst, byte(v)|0x80)
	}
	return append(dst, byte(v))
}

func varintSize(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// appendNumber writes a number unless it is 0.
func appendNumber(dst []byte, number int, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return appendVarint(appendTag(dst, number, wireVarint), v)
}

func numberSize(v uint64) int {
	if v == 0 {
		return 0
	}
	return tagBytes + varintSize(v)
}

// appendBlock writes a string or bytes unless they are empty.
func appendBlock[T string | []byte](dst []byte, number int, v T) []byte {
	if len(v) == 0 {
		return dst
	}
	dst = appendVarint(appendTag(dst, number, wireBytes), uint64(len(v)))
	return append(dst, v...)
}

func blockSize(n int) int {
	if n == 0 {
		return 0
	}
	return messageSize(n)
}

// appendHead begins a nested message of n bytes, which is written even when it
// is empty: its presence means something.
func appendHead(dst []byte, number, n int) []byte {
	return appendVarint(appendTag(dst, number, wireBytes), uint64(n))
}

func messageSize(n int) int { return tagBytes + varintSize(uint64(n)) + n }
