package wasmhost

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/wasmabi"
)

// How many records a service may log on this node: a burst, and then so many
// in a second. What exceeds that is dropped, and the next record says how many
// were.
const (
	logBurst     = 1024
	logPerSecond = 128
)

// ModuleLogMessage is the message of every record that a module has written; its
// words are in the attribute "text".
const ModuleLogMessage = "module log"

// guestLog is where the modules of one service write.
type guestLog struct {
	log *slog.Logger
	now func() time.Time

	mu      sync.Mutex // guards what follows
	used    float64    // of the burst
	at      time.Time  // when used was right
	dropped int
}

var logLevels = [...]slog.Level{
	wasmabi.Debug: slog.LevelDebug, wasmabi.Info: slog.LevelInfo, wasmabi.Warn: slog.LevelWarn, wasmabi.Error: slog.LevelError,
}

// write logs one record. The text is data of the record, never its message.
func (l *guestLog) write(level wasmabi.Level, text []byte, of subject) {
	if attributes, ok := l.attributes(level, text, of); ok {
		l.log.LogAttrs(context.Background(), logLevels[level], ModuleLogMessage, attributes...)
	}
}

// attributes are those of a record about a module, or false if it is to be
// dropped.
func (l *guestLog) attributes(level wasmabi.Level, text []byte, of subject) ([]slog.Attr, bool) {
	if !l.log.Enabled(context.Background(), logLevels[level]) {
		return nil, false
	}
	dropped, ok := l.admit()
	if !ok {
		return nil, false
	}
	attributes := []slog.Attr{
		slog.String("application", of.application), slog.String("request", of.request),
		slog.String("text", printable(text, wasmabi.MaxLogBytes)),
	}
	if dropped > 0 {
		attributes = append(attributes, slog.Int("dropped", dropped))
	}
	return attributes, true
}

// admit counts a record, and returns how many were dropped before it.
func (l *guestLog) admit() (dropped int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.used = max(0, l.used-now.Sub(l.at).Seconds()*logPerSecond)
	l.at = now
	if l.used+1 > logBurst {
		l.dropped++
		return 0, false
	}
	l.used++
	dropped, l.dropped = l.dropped, 0
	return dropped, true
}

// record logs for the guest, within the operation's quota.
func (c *call) record(level wasmabi.Level, text []byte) {
	if charge(&c.spent.logRecords, 1, c.limits.LogRecords) {
		c.log.write(level, text[:min(len(text), wasmabi.MaxLogBytes)], c.of)
	}
}

func logWrite(c *call, m api.Memory, args []uint64) int64 {
	text := c.view(m, args[1], args[2])
	level := wasmabi.Level(int32(uint32(args[0])))
	if !level.Valid() {
		return result(wasmabi.EINVAL)
	}
	c.record(level, text)
	return 0
}

func logEnabled(c *call, _ api.Memory, args []uint64) int64 {
	level := wasmabi.Level(int32(uint32(args[0])))
	if level.Valid() && c.log.log.Enabled(context.Background(), logLevels[level]) {
		return 1
	}
	return 0
}

// print takes what a guest writes to standard output, and logs whole lines:
// languages write one in many pieces.
func (c *call) print(text []byte) {
	for len(text) > 0 {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		c.line = append(c.line, line[:min(len(line), wasmabi.MaxLogBytes-len(c.line))]...)
		if whole {
			c.flush()
		}
		text = rest
	}
}

// flush logs the line that has begun.
func (c *call) flush() {
	if len(c.line) > 0 {
		c.record(wasmabi.Info, c.line)
	}
	c.line = c.line[:0]
}
