package guest

import (
	"time"

	"github.com/credence-engine/credence/wasmabi"
)

// Call is one operation, and the way to everything that the engine offers. It
// is valid until the method that was given it returns.
type Call struct {
	// ApplicationID is the application whose endpoint it is about.
	ApplicationID string
	// RequestID names the request in the engine's log; it may be empty.
	RequestID string

	d *Dispatcher
}

// KV is the service's state for this application. It needs the capability kv.
func (c *Call) KV() KV { return KV{d: c.d} }

// HTTP asks external systems. It needs the capability http.
func (c *Call) HTTP() HTTP { return HTTP{d: c.d} }

// Secrets uses secrets without reading them. It needs the capability secrets.
func (c *Call) Secrets() Secrets { return Secrets{d: c.d} }

// Crypto computes at native speed. It needs the capability crypto.
func (c *Call) Crypto() Crypto { return Crypto{d: c.d} }

// Log writes to the engine's log.
func (c *Call) Log() Log { return Log{host: c.d.host.Core} }

// Config returns the JSON text at a JSON pointer (RFC 6901) of the service's
// configuration, over which the application's is laid, and whether there is any.
// The empty pointer gives all of it.
func (c *Call) Config(pointer string) (json []byte, ok bool) {
	json, result := c.d.readAll(func(dst []byte) int32 { return c.d.host.Core.ConfigRead(pointer, dst) })
	return json, result >= 0
}

// Deadline returns the time left for this call.
func (c *Call) Deadline() time.Duration {
	return time.Duration(c.d.host.Core.DeadlineMs()) * time.Millisecond
}

// Now returns the time, cut to a millisecond, in UTC. It needs the
// capability clock.
func (c *Call) Now() (time.Time, error) {
	now := c.d.host.Clock.ClockNow()
	if now < 0 {
		return time.Time{}, failed(wasmabi.ImportClockNow, int32(now))
	}
	return time.Unix(0, now).UTC(), nil
}

// Random fills p with cryptographic randomness, at most 64 KiB in one
// operation. It needs the capability random.
func (c *Call) Random(p []byte) error {
	return failed(wasmabi.ImportRandomFill, c.d.host.Random.RandomFill(p))
}

// readAll calls read until what it returns fits, and copies that.
func (d *Dispatcher) readAll(read func(dst []byte) int32) ([]byte, int32) {
	for {
		n := read(d.scratch)
		switch {
		case n < 0:
			return nil, n
		case int(n) <= len(d.scratch):
			return append(make([]byte, 0, n), d.scratch[:n]...), n
		}
		d.scratch = make([]byte, n)
	}
}
