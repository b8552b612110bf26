package wasmhost

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero/experimental/wazerotest"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/wasmabi"
)

// guest stands for a running module: a test calls the host's functions as the
// module would, with one page of memory.
type guest struct {
	t      testing.TB
	call   *call
	module *wazerotest.Module
	log    *logBuffer
}

func newGuest(tb testing.TB, tx *engine.Tx, kv state) *guest {
	tb.Helper()
	limits := DefaultLimits()
	config, err := configure([]byte(`{"a":{"b":[1,"two",null]},"~/":1.50,"long":"`+strings.Repeat("x", 99)+`"}`), nil)
	require.NoError(tb, err)
	g := &guest{t: tb, module: wazerotest.NewModule(wazerotest.NewFixedMemory(64 << 10)), log: &logBuffer{}}
	log := slog.New(slog.NewTextHandler(g.log, nil))
	now := func() time.Time { return time.Unix(1_800_000_000, 123_456_789) }
	g.call = &call{limits: &limits, config: config, now: now, log: &guestLog{log: log, now: time.Now}}
	g.call.begin(tb.Context(), tx, subject{"app", "req"}, time.Now().Add(time.Minute))
	g.call.state = kv
	g.call.input = []byte("request")
	return g
}

// do calls a function of cred_v1. A []byte or string argument is put into
// memory, one after the other, and becomes a pointer and a length.
func (g *guest) do(name string, args ...any) int64 {
	g.t.Helper()
	return g.from(wasmabi.ImportModule, name, args...)
}

func (g *guest) from(module, name string, args ...any) int64 {
	g.t.Helper()
	stack := make([]uint64, 0, 8)
	free := uint64(0)
	for _, arg := range args {
		switch v := arg.(type) {
		case int:
			stack = append(stack, uint64(uint32(v)))
		case string:
			require.True(g.t, g.module.Memory().Write(uint32(free), []byte(v)))
			stack = append(stack, free, uint64(len(v)))
			free += uint64(len(v))
		default:
			g.t.Fatalf("an argument of type %T", arg)
		}
	}
	for _, f := range hostModules()[module] {
		if f.name == name {
			require.Len(g.t, stack, len(f.params), "%s", name)
			f.bind()(&callContext{g.t.Context(), g.call}, g.module, stack[:max(1, len(stack))])
			if len(f.results) == 1 && f.results[0] == i64 {
				return int64(stack[:1][0])
			}
			return int64(int32(uint32(stack[:1][0])))
		}
	}
	g.t.Fatalf("there is no %s.%s", module, name)
	return 0
}

// at returns memory as text.
func (g *guest) at(pointer, length int) string {
	b, ok := g.module.Memory().Read(uint32(pointer), uint32(length))
	require.True(g.t, ok)
	return string(b)
}

// stops requires that fn ends the call, and returns why.
func (g *guest) stops(fn func()) error {
	g.t.Helper()
	require.Panics(g.t, fn)
	require.Error(g.t, g.call.failure)
	return g.call.failure
}

const (
	eperm  = -1
	enoent = -2
	e2big  = -7
	einval = -22
	edquot = -122
)

// buf is where tests let the host write: behind all arguments.
const buf = 32 << 10

func TestEveryOfferedImportIsImplemented(t *testing.T) {
	for _, f := range abiFunctions() {
		require.NotNil(t, f.do, f.name)
	}
}

func TestInputIsReadInPieces(t *testing.T) {
	g := newGuest(t, nil, nil)
	require.EqualValues(t, 7, g.do("input_read", buf, 100, 0))
	require.Equal(t, "request", g.at(buf, 7))
	require.EqualValues(t, 2, g.do("input_read", buf, 2, 2))
	require.Equal(t, "qu", g.at(buf, 2))
	require.EqualValues(t, 0, g.do("input_read", buf, 2, 7))
	require.EqualValues(t, 0, g.do("input_read", buf, 2, -1))
	require.EqualValues(t, 0, g.do("input_read", buf, 0, 0))
}

func TestOutputIsAppendedUpToItsLimit(t *testing.T) {
	g := newGuest(t, nil, nil)
	require.EqualValues(t, 2, g.do("output_write", "ab"))
	require.EqualValues(t, 0, g.do("output_write", ""))
	require.EqualValues(t, 1, g.do("output_write", "c"))
	require.Equal(t, "abc", string(g.call.output))
	require.EqualValues(t, 65536, g.do("output_write", 0, 65536))
	require.EqualValues(t, e2big, g.do("output_write", 0, 65536))
	require.EqualValues(t, 65533, g.do("output_write", 0, 65533))
	require.EqualValues(t, e2big, g.do("output_write", "x"))
	require.Len(t, g.call.output, wasmabi.MaxOutputBytes)
}

func TestTheLastReasonHoldsAndIsCut(t *testing.T) {
	g := newGuest(t, nil, nil)
	g.do("error_write", strings.Repeat("x", 2000))
	require.Len(t, g.call.reason, 1024)
	g.do("error_write", "because")
	require.Equal(t, "because", string(g.call.reason))
}

func TestConfigurationIsReadByPointer(t *testing.T) {
	for pointer, want := range map[string]any{
		"/a":       `{"b":[1,"two",null]}`,
		"/a/b/1":   `"two"`,
		"/a/b/2":   `null`,
		"/~0~1":    `1.50`,
		"/missing": enoent, "/a/b/3": enoent, "/a/b/01": enoent, "/a/b/-": enoent, "/a/b/1/x": enoent, "/": enoent, "/a/": enoent,
		"a": einval, "/~": einval, "/~2": einval,
	} {
		g := newGuest(t, nil, nil)
		n := g.do("config_read", pointer, buf, 1000)
		if text, ok := want.(string); ok {
			require.Equal(t, text, g.at(buf, int(n)), pointer)
		} else {
			require.EqualValues(t, want, n, pointer)
		}
	}
	g := newGuest(t, nil, nil)
	require.EqualValues(t, 101, g.do("config_read", "/long", buf, 100), "the true length, though it does not fit")
	require.Equal(t, "\x00", g.at(buf, 1))
	n := g.do("config_read", "", buf, 1000)
	require.Equal(t, string(g.call.config.text), g.at(buf, int(n)))
}

func TestClocksAreCoarse(t *testing.T) {
	g := newGuest(t, nil, nil)
	require.EqualValues(t, 1_800_000_000_123_000_000, g.do("clock_now"))
	ms := g.do("deadline_ms")
	require.Greater(t, ms, int64(59_000))
	require.LessOrEqual(t, ms, int64(60_000))
	g.call.deadline = time.Now().Add(-time.Hour)
	require.EqualValues(t, 0, g.do("deadline_ms"))
}

func TestRandomnessHasAQuota(t *testing.T) {
	g := newGuest(t, nil, nil)
	require.EqualValues(t, 32<<10, g.do("random_fill", 0, 32<<10))
	require.NotEqual(t, g.at(0, 32), g.at(32, 32))
	require.EqualValues(t, 32<<10, g.do("random_fill", 0, 32<<10))
	require.EqualValues(t, edquot, g.do("random_fill", 0, 1))
	require.EqualValues(t, 0, g.do("random_fill", 0, 0))
}

func TestHostCallsHaveAQuotaAndAStormEnds(t *testing.T) {
	g := newGuest(t, nil, nil)
	for range 256 {
		require.GreaterOrEqual(t, g.do("deadline_ms"), int64(0))
	}
	for range 768 {
		require.EqualValues(t, edquot, g.do("clock_now"))
	}
	require.ErrorContains(t, g.stops(func() { g.do("clock_now") }), "more than 1024 host calls")
}

func TestLogRecordsSayOnWhoseBehalf(t *testing.T) {
	g := newGuest(t, nil, nil)
	require.EqualValues(t, 0, g.do("log_write", 1, "hello \x1b[31m\n\"red\" \xff"))
	require.EqualValues(t, 0, g.do("log_write", 0, "debugging is off"))
	require.EqualValues(t, einval, g.do("log_write", 4, "x"))
	require.EqualValues(t, einval, g.do("log_write", -1, "x"))
	require.EqualValues(t, 0, g.do("log_enabled", 0))
	require.EqualValues(t, 1, g.do("log_enabled", 1))
	require.EqualValues(t, 0, g.do("log_enabled", 99))
	lines := g.log.lines("msg=\"module log\"")
	require.Len(t, lines, 1)
	require.Contains(t, lines[0], "application=app request=req")
	require.Contains(t, lines[0], `hello \\x1b[31m\\n\"red\" \\xff`)
}

func TestAServiceCannotFloodTheLog(t *testing.T) {
	b := &logBuffer{}
	now := time.Unix(0, 0)
	l := &guestLog{log: slog.New(slog.NewTextHandler(b, nil)), now: func() time.Time { return now }}
	for range 2 * logBurst {
		l.write(wasmabi.Info, []byte("x"), subject{})
	}
	require.Len(t, b.lines(), logBurst)
	now = now.Add(time.Second)
	for range logPerSecond + 1 {
		l.write(wasmabi.Info, []byte("x"), subject{})
	}
	require.Len(t, b.lines(), logBurst+logPerSecond)
	require.Len(t, b.lines(fmt.Sprintf("dropped=%d", logBurst)), 1)
}

func FuzzHostFunctions(f *testing.F) {
	f.Add(uint(0), uint64(0), uint64(10), uint64(3), uint64(0), uint64(0), uint64(0))
	f.Add(uint(3), uint64(0xffffffff), uint64(1), uint64(0x80000000), uint64(0x80000001), uint64(0), uint64(65536))
	var all []hostFunction
	for _, module := range []string{wasmabi.ImportModule, wasiModule, "env"} {
		all = append(all, hostModules()[module]...)
	}
	f.Fuzz(func(t *testing.T, n uint, a, b, c, d, e, g uint64) {
		guest := newGuest(t, nil, noState{})
		guest.call.deadline = time.Now().Add(10 * time.Millisecond)
		memory := bytes.Repeat([]byte{0xa5}, 64<<10)
		guest.module.Memory().Write(0, memory)
		function := all[n%uint(len(all))]
		stack := []uint64{a, b, c, d, e, g, a}
		defer func() {
			if r := recover(); r != nil {
				require.Equal(t, guest.call.failure, r, "%s: only the host's own verdict ends a call", function.name)
			}
		}()
		function.bind()(&callContext{t.Context(), guest.call}, guest.module, stack)
	})
}
