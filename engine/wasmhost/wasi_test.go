package wasmhost

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (g *guest) wasi(name string, args ...any) int64 {
	g.t.Helper()
	return g.from(wasiModule, name, args...)
}

func (g *guest) u32(pointer int) uint32 {
	return binary.LittleEndian.Uint32([]byte(g.at(pointer, 4)))
}

// u64 is the number at buf.
func (g *guest) u64() uint64 {
	return binary.LittleEndian.Uint64([]byte(g.at(buf, 8)))
}

func TestThereAreNoArgumentsNoEnvironmentAndNoFiles(t *testing.T) {
	g := newGuest(t, nil, nil)
	for _, name := range []string{"args_sizes_get", "environ_sizes_get"} {
		g.module.Memory().WriteUint64Le(buf, 1<<63-1)
		require.Zero(t, g.wasi(name, buf, buf+4))
		require.Zero(t, g.u64(), name)
	}
	require.Zero(t, g.wasi("args_get", 0, 0))
	require.Zero(t, g.wasi("environ_get", 0, 0))
	require.EqualValues(t, wasiBadf, g.wasi("fd_prestat_get", 3, buf))
	require.EqualValues(t, wasiBadf, g.wasi("fd_prestat_dir_name", 3, buf, 10))
	require.EqualValues(t, wasiBadf, g.wasi("fd_filestat_get", 1, buf))
	require.EqualValues(t, wasiBadf, g.wasi("fd_read", 3, buf, 1, buf))
	require.Zero(t, g.wasi("fd_read", 0, buf, 1, buf))
	require.Zero(t, g.u32(buf))
	for fd, want := range map[int]int64{0: wasiOK, 1: wasiOK, 2: wasiOK, 3: wasiBadf, -1: wasiBadf} {
		require.Equal(t, want, g.wasi("fd_close", fd))
		require.Equal(t, want, g.wasi("fd_fdstat_set_flags", fd, 0))
		require.Equal(t, want, g.wasi("fd_fdstat_get", fd, buf))
	}
	require.EqualValues(t, 2, g.at(buf, 1)[0], "a character device")
	require.EqualValues(t, wasiSpipe, g.wasi("fd_seek", 1, 0, 0, buf))
}

func TestStandardOutputIsLoggedLineByLine(t *testing.T) {
	g := newGuest(t, nil, nil)
	write := func(fd int, text string) int64 {
		g.module.Memory().WriteUint32Le(buf, buf+100)
		g.module.Memory().WriteUint32Le(buf+4, uint32(len(text)))
		g.module.Memory().Write(buf+100, []byte(text))
		return g.wasi("fd_write", fd, buf, 1, buf+8)
	}
	require.Zero(t, write(1, "one "))
	require.EqualValues(t, 4, g.u32(buf+8))
	require.Zero(t, write(2, "line\nand an"))
	require.Zero(t, write(1, "other"+strings.Repeat(".", 5000)))
	require.EqualValues(t, wasiBadf, write(0, "x"))
	require.EqualValues(t, wasiBadf, write(3, "x"))
	require.EqualValues(t, wasiInval, g.wasi("fd_write", 1, 0, maxVectors+1, buf))
	g.call.end()
	require.Len(t, g.log.lines("module log"), 2)
	require.Len(t, g.log.lines(`text="one line"`), 1)
	require.Len(t, g.log.lines("and another...."), 1)
}

func TestTheClocksOfWASIAreTheHosts(t *testing.T) {
	g := newGuest(t, nil, nil)
	require.Zero(t, g.wasi("clock_time_get", 0, 0, buf))
	require.EqualValues(t, 1_800_000_000_123_000_000, g.u64())
	require.Zero(t, g.wasi("clock_time_get", 1, 0, buf))
	require.Zero(t, g.u64()%uint64(time.Millisecond))
	require.EqualValues(t, wasiNotsup, g.wasi("clock_time_get", 2, 0, buf))
	require.Zero(t, g.wasi("clock_res_get", 0, buf))
	require.EqualValues(t, time.Millisecond, g.u64())
	require.Zero(t, g.wasi("random_get", buf, 32))
	require.NotEqual(t, strings.Repeat("\x00", 32), g.at(buf, 32))
	require.EqualValues(t, wasiInval, g.wasi("random_get", 0, 64<<10))
}

func TestTheRuntimeOfALanguageMayAskForTheTimeAsOftenAsItLikes(t *testing.T) {
	g := newGuest(t, nil, nil)
	for range 10_000 {
		require.Zero(t, g.wasi("clock_time_get", 1, 0, buf))
		require.Zero(t, g.wasi("sched_yield"))
	}
	require.GreaterOrEqual(t, g.do("deadline_ms"), int64(0))
}

// subscribe writes a subscription.
func (g *guest) subscribe(n int, kind byte, timeout time.Duration) {
	s := make([]byte, subscriptionBytes)
	s[0], s[8] = byte(n+1), kind
	binary.LittleEndian.PutUint32(s[16:], 1)
	binary.LittleEndian.PutUint64(s[24:], uint64(timeout))
	g.module.Memory().Write(uint32(n*subscriptionBytes), s)
}

func TestPollSleepsUntilTheEarliestClock(t *testing.T) {
	g := newGuest(t, nil, nil)
	g.subscribe(0, kindClock, time.Hour)
	g.subscribe(1, kindClock, 20*time.Millisecond)
	began := time.Now()
	require.Zero(t, g.wasi("poll_oneoff", 0, buf, 2, buf-4))
	require.GreaterOrEqual(t, time.Since(began), 20*time.Millisecond)
	require.EqualValues(t, 1, g.u32(buf-4))
	require.EqualValues(t, 2, g.u64(), "the second is due")

	g.subscribe(1, 1, 0) // a read of a descriptor
	require.Zero(t, g.wasi("poll_oneoff", 0, buf, 2, buf-4))
	require.EqualValues(t, 1, g.u32(buf-4))
	require.EqualValues(t, wasiBadf, g.at(buf+8, 1)[0])
	require.EqualValues(t, wasiInval, g.wasi("poll_oneoff", 0, buf, 0, buf-4))
	require.EqualValues(t, wasiInval, g.wasi("poll_oneoff", 0, buf, maxSubscriptions+1, buf-4))
}

func TestPollNeverSleepsPastTheDeadline(t *testing.T) {
	g := newGuest(t, nil, nil)
	g.call.deadline = time.Now().Add(20 * time.Millisecond)
	g.subscribe(0, kindClock, time.Hour)
	began := time.Now()
	require.Equal(t, errLate, g.stops(func() { g.wasi("poll_oneoff", 0, buf, 1, buf-4) }))
	require.Less(t, time.Since(began), soon)
}

func TestLeavingAndAbortingEndTheCall(t *testing.T) {
	g := newGuest(t, nil, nil)
	require.EqualError(t, g.stops(func() { g.wasi("proc_exit", 7) }), "broke the contract cred_v1: the module left with proc_exit(7)")

	script := func(at int, text string) {
		raw := make([]byte, 0, 100)
		for _, r := range text {
			raw = append(raw, byte(r), 0)
		}
		g.module.Memory().WriteUint32Le(uint32(at-4), uint32(len(raw)))
		g.module.Memory().Write(uint32(at), raw)
	}
	script(100, "index out of range")
	script(300, "service.ts")
	require.EqualError(t, g.stops(func() { g.from("env", "abort", 100, 300, 12, 5) }), "trapped: abort: index out of range at service.ts:12:5")
	require.EqualError(t, g.stops(func() { g.from("env", "abort", 0, -1, 12, 5) }), "trapped: abort:  at :12:5")
}
