//go:build wasip1

// Command extism answers a lookup as a plug-in of Extism. Its kit for Go is
// not needed for that: these are the functions that it calls.
package main

import (
	"encoding/binary"
	"strings"
)

//go:wasmimport extism:host/env input_length
func inputLength() uint64

//go:wasmimport extism:host/env input_load_u64
func inputLoad64(at uint64) uint64

//go:wasmimport extism:host/env input_load_u8
func inputLoad8(at uint64) uint32

//go:wasmimport extism:host/env alloc
func alloc(size uint64) uint64

//go:wasmimport extism:host/env store_u64
func store64(at, value uint64)

//go:wasmimport extism:host/env store_u8
func store8(at uint64, value uint32)

//go:wasmimport extism:host/env output_set
func outputSet(at, size uint64)

var body = strings.Repeat("0123456789", 29)

func main() {}

//go:wasmexport lookup
func lookup() int32 {
	request := make([]byte, inputLength())
	at := 0
	for ; at+8 <= len(request); at += 8 {
		binary.LittleEndian.PutUint64(request[at:], inputLoad64(uint64(at)))
	}
	for ; at < len(request); at++ {
		request[at] = byte(inputLoad8(uint64(at)))
	}
	_, id, _ := strings.Cut(string(request), " ")
	answer := []byte(id + body)
	to := alloc(uint64(len(answer)))
	for at = 0; at+8 <= len(answer); at += 8 {
		store64(to+uint64(at), binary.LittleEndian.Uint64(answer[at:]))
	}
	for ; at < len(answer); at++ {
		store8(to+uint64(at), uint32(answer[at]))
	}
	outputSet(to, uint64(len(answer)))
	return 0
}
