package wasmhost

import (
	"strconv"
	"unicode/utf8"

	"github.com/credence-engine/credence/wasmabi"
)

const (
	// maxTextBytes bounds a module's words in an error.
	maxTextBytes = wasmabi.MaxErrorBytes
	// maxDetailBytes bounds the details of an incident, with WebAssembly's
	// stack, in the log.
	maxDetailBytes = 4 << 10
)

// printable returns text such that it cannot pretend to be anything else where
// it is shown: what is not a printable character is escaped as in Go, and what
// then exceeds limit bytes is cut.
func printable[T string | []byte](text T, limit int) string {
	out := make([]byte, 0, min(len(text), limit))
	for rest := []byte(text); len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		piece := rest[:size]
		if r == utf8.RuneError && size == 1 {
			piece = append([]byte(`\x`), hexDigits[rest[0]>>4], hexDigits[rest[0]&15])
		} else if !strconv.IsPrint(r) {
			quoted := strconv.AppendQuoteRune(nil, r)
			piece = quoted[1 : len(quoted)-1]
		}
		if len(out)+len(piece) > limit {
			break
		}
		out, rest = append(out, piece...), rest[size:]
	}
	return string(out)
}

const hexDigits = "0123456789abcdef"
