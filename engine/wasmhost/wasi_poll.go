package wasmhost

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/tetratelabs/wazero/api"
)

// The layout of what poll_oneoff takes and gives, in bytes.
const (
	subscriptionBytes = 48 // userdata 0, kind 8, clock 16, time-out 24, flags 40
	eventBytes        = 32 // userdata 0, errno 8, kind 10
	kindClock         = 0
	flagAbsolute      = 1
)

// wasiPoll sleeps until the earliest of the clocks, and no longer than the
// call may take. Whoever waits for a descriptor is told at once that there is
// none. Only what is due gets an event.
func wasiPoll(c *call, m api.Memory, args []uint64) int64 {
	count := uint64(uint32(args[2]))
	if count == 0 || count > maxSubscriptions {
		return wasiInval
	}
	subscriptions := c.view(m, args[0], count*subscriptionBytes)
	events := c.view(m, args[1], count*eventBytes)
	var due [maxSubscriptions]time.Duration
	for i := range count {
		due[i] = c.due(subscriptions[i*subscriptionBytes:])
	}
	pause := slices.Min(due[:count])
	c.sleep(pause)
	found := uint32(0)
	for i := range count {
		if due[i] > pause {
			continue
		}
		s := subscriptions[i*subscriptionBytes:]
		event := events[found*eventBytes:][:eventBytes]
		clear(event)
		copy(event[:8], s[:8])
		event[10] = s[8]
		if s[8] != kindClock {
			event[8] = wasiBadf
		}
		found++
	}
	c.put32(m, args[3], found)
	return wasiOK
}

// due returns how long a subscription waits.
func (c *call) due(subscription []byte) time.Duration {
	if subscription[8] != kindClock {
		return 0
	}
	timeout := binary.LittleEndian.Uint64(subscription[24:])
	if subscription[40]&flagAbsolute != 0 {
		now := uint64(time.Since(began))
		if binary.LittleEndian.Uint32(subscription[16:]) == 0 {
			now = uint64(c.now().UnixNano())
		}
		timeout -= min(timeout, now)
	}
	return time.Duration(min(timeout, uint64(time.Hour)))
}

// sleep waits, and ends the call if that takes longer than it may.
func (c *call) sleep(d time.Duration) {
	if d > 0 {
		timer := time.NewTimer(min(d, time.Until(c.deadline)))
		defer timer.Stop()
		c.aside(func() {
			select {
			case <-timer.C:
			case <-c.ctx.Done():
			}
		})
	}
	c.checkTime()
}
