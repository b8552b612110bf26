package wasmhost

import (
	"crypto/rand"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/wasmabi"
)

// resolution of every clock that a guest sees: fine enough for dates, too
// coarse to measure what shares the machine.
const resolution = time.Millisecond

func clockNow(c *call, _ api.Memory, _ []uint64) int64 {
	return c.now().Truncate(resolution).UnixNano()
}

func randomFill(c *call, m api.Memory, args []uint64) int64 {
	into := c.view(m, args[0], args[1])
	if !charge(&c.spent.randomBytes, len(into), c.limits.RandomBytes) {
		return result(wasmabi.EDQUOT)
	}
	_, _ = rand.Read(into) // never fails: it ends the process instead
	return int64(len(into))
}
