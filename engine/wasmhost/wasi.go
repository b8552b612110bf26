package wasmhost

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/tetratelabs/wazero/api"
)

// The functions of WASI preview 1 that the start-up code of languages needs,
// on a system that has nothing: no files, arguments or environment. Standard
// output goes to the log.
const wasiModule = "wasi_snapshot_preview1"

// Error numbers of WASI, which are not those of Linux.
const (
	wasiOK     = 0
	wasiBadf   = 8
	wasiInval  = 28
	wasiNotsup = 58
	wasiSpipe  = 70
)

// Limits of lists that a guest passes, each of which costs time in the host.
const (
	maxVectors       = 1024
	maxSubscriptions = 64
)

const (
	i32 = api.ValueTypeI32
	i64 = api.ValueTypeI64
)

func wasiFunctions() []hostFunction {
	errno := i32s(1)
	zeroSizes := func(c *call, m api.Memory, args []uint64) int64 {
		c.put32(m, args[0], 0)
		c.put32(m, args[1], 0)
		return wasiOK
	}
	return []hostFunction{
		{name: "args_get", params: i32s(2), results: errno, do: answer(wasiOK)},
		{name: "args_sizes_get", params: i32s(2), results: errno, do: zeroSizes},
		{name: "environ_get", params: i32s(2), results: errno, do: answer(wasiOK)},
		{name: "environ_sizes_get", params: i32s(2), results: errno, do: zeroSizes},
		{name: "clock_res_get", params: i32s(2), results: errno, free: true, do: wasiClockRes},
		{name: "clock_time_get", params: []api.ValueType{i32, i64, i32}, results: errno, free: true, do: wasiClockTime},
		{name: "random_get", params: i32s(2), results: errno, do: wasiRandom},
		{name: "sched_yield", results: errno, free: true, do: wasiYield},
		{name: "poll_oneoff", params: i32s(4), results: errno, free: true, do: wasiPoll},
		{name: "proc_exit", params: i32s(1), do: wasiExit},
		{name: "fd_write", params: i32s(4), results: errno, do: wasiWrite},
		{name: "fd_read", params: i32s(4), results: errno, do: wasiRead},
		{name: "fd_seek", params: []api.ValueType{i32, i64, i32, i32}, results: errno, do: ofStandard(wasiSpipe)},
		{name: "fd_close", params: i32s(1), results: errno, do: ofStandard(wasiOK)},
		{name: "fd_fdstat_get", params: i32s(2), results: errno, do: wasiFdstat},
		{name: "fd_fdstat_set_flags", params: i32s(2), results: errno, do: ofStandard(wasiOK)},
		{name: "fd_filestat_get", params: i32s(2), results: errno, do: answer(wasiBadf)},
		{name: "fd_prestat_get", params: i32s(2), results: errno, do: answer(wasiBadf)},
		{name: "fd_prestat_dir_name", params: i32s(3), results: errno, do: answer(wasiBadf)},
	}
}

func answer(errno int64) func(*call, api.Memory, []uint64) int64 {
	return func(*call, api.Memory, []uint64) int64 { return errno }
}

// standard tells whether a descriptor is one of the three that exist.
func standard(fd uint64) bool { return uint32(fd) <= 2 }

// ofStandard answers for a descriptor that exists.
func ofStandard(errno int64) func(*call, api.Memory, []uint64) int64 {
	return func(_ *call, _ api.Memory, args []uint64) int64 {
		if !standard(args[0]) {
			return wasiBadf
		}
		return errno
	}
}

func (c *call) put32(m api.Memory, pointer uint64, v uint32) {
	binary.LittleEndian.PutUint32(c.view(m, pointer, 4), v)
}

func (c *call) put64(m api.Memory, pointer uint64, v uint64) {
	binary.LittleEndian.PutUint64(c.view(m, pointer, 8), v)
}

func wasiClockRes(c *call, m api.Memory, args []uint64) int64 {
	c.put64(m, args[1], uint64(resolution))
	return wasiOK
}

// began is where monotonic time counts from.
var began = time.Now()

func wasiClockTime(c *call, m api.Memory, args []uint64) int64 {
	switch uint32(args[0]) {
	case 0: // realtime
		c.put64(m, args[2], uint64(c.now().Truncate(resolution).UnixNano()))
	case 1: // monotonic
		c.put64(m, args[2], uint64(time.Since(began).Truncate(resolution)))
	default:
		return wasiNotsup
	}
	return wasiOK
}

func wasiRandom(c *call, m api.Memory, args []uint64) int64 {
	into := c.view(m, args[0], args[1])
	if !charge(&c.spent.randomBytes, len(into), c.limits.RandomBytes) {
		return wasiInval
	}
	_, _ = rand.Read(into) // never fails: it ends the process instead
	return wasiOK
}

func wasiYield(c *call, _ api.Memory, _ []uint64) int64 {
	c.checkTime()
	return wasiOK
}

func wasiExit(c *call, _ api.Memory, args []uint64) int64 {
	c.stop(violation("the module left with proc_exit(%d)", uint32(args[0])))
	return 0
}

// wasiWrite logs what is written to standard output and error, and counts all
// of it as written.
func wasiWrite(c *call, m api.Memory, args []uint64) int64 {
	if fd := uint32(args[0]); fd != 1 && fd != 2 {
		return wasiBadf
	}
	count := uint64(uint32(args[2]))
	if count > maxVectors {
		return wasiInval
	}
	written := uint32(0)
	for v := c.view(m, args[1], 8*count); len(v) > 0; v = v[8:] {
		text := c.view(m, uint64(binary.LittleEndian.Uint32(v)), uint64(binary.LittleEndian.Uint32(v[4:])))
		c.print(text)
		written += uint32(len(text))
	}
	c.put32(m, args[3], written)
	return wasiOK
}

// wasiRead finds standard input empty.
func wasiRead(c *call, m api.Memory, args []uint64) int64 {
	if uint32(args[0]) != 0 {
		return wasiBadf
	}
	c.put32(m, args[3], 0)
	return wasiOK
}

// wasiFdstat says of the standard descriptors that they are character devices
// that can be written to.
func wasiFdstat(c *call, m api.Memory, args []uint64) int64 {
	if !standard(args[0]) {
		return wasiBadf
	}
	stat := c.view(m, args[1], 24)
	clear(stat)
	stat[0] = 2       // filetype
	stat[8] = 1 << 6  // rights: fd_write
	stat[16] = 1 << 6 // rights that are handed on
	return wasiOK
}
