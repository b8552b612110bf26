package wasmhost

import (
	"encoding/binary"
	"fmt"
	"unicode/utf16"

	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/wasmabi"
)

// abort is what AssemblyScript calls instead of a trap, with a message, a file
// name, a line and a column.
func abort(c *call, m api.Memory, args []uint64) int64 {
	c.stop(&fault{kind: trapped, cause: fmt.Errorf("abort: %s at %s:%d:%d",
		script(m, args[0]), script(m, args[1]), uint32(args[2]), uint32(args[3]))})
	return 0
}

// script reads a string of AssemblyScript: UTF-16, with its length in bytes in
// front of it. One that is not there is empty: the call ends in any case.
func script(m api.Memory, pointer uint64) string {
	at := uint32(pointer)
	length, ok := m.ReadUint32Le(at - 4)
	if at < 4 || !ok {
		return ""
	}
	raw, _ := m.Read(at, min(length, 2*wasmabi.MaxErrorBytes)&^1)
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	return string(utf16.Decode(units))
}
