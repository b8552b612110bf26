package wasmhost

import (
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/wasmabi"
)

// The functions that every module may import. ABI.md in package wasmabi says
// what each does.

func inputRead(c *call, m api.Memory, args []uint64) int64 {
	into := c.view(m, args[0], args[1])
	offset := int(uint32(args[2]))
	if offset >= len(c.input) {
		return 0
	}
	return int64(copy(into, c.input[offset:]))
}

func outputWrite(c *call, m api.Memory, args []uint64) int64 {
	from := c.view(m, args[0], args[1])
	if len(from) > wasmabi.MaxOutputBytes-len(c.output) {
		return result(wasmabi.E2BIG)
	}
	c.output = append(c.output, from...)
	return int64(len(from))
}

func errorWrite(c *call, m api.Memory, args []uint64) int64 {
	from := c.view(m, args[0], args[1])
	c.reason = append(c.reason[:0], from[:min(len(from), wasmabi.MaxErrorBytes)]...)
	return int64(len(from))
}

func configRead(c *call, m api.Memory, args []uint64) int64 {
	key := c.view(m, args[0], args[1])
	into := c.view(m, args[2], args[3])
	c.checkTime() // finding a value takes time in proportion to its size
	value, errno := c.config.at(string(key))
	if errno != 0 {
		return result(errno)
	}
	return fill(into, value)
}

// fill copies a value if it fits, and returns its length.
func fill(into, value []byte) int64 {
	if len(value) <= len(into) {
		copy(into, value)
	}
	return int64(len(value))
}

func deadlineMs(c *call, _ api.Memory, _ []uint64) int64 {
	return max(0, time.Until(c.deadline).Milliseconds())
}
