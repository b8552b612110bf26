package wasmhost

import (
	"context"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/wasmabi"
)

// call is one use of an instance: an operation, or its start. It belongs to
// the instance, is filled anew for each use, and is what the host's functions
// work on.
type call struct {
	// For all calls of the instance.
	limits *Limits
	config *configuration
	log    *guestLog
	now    func() time.Time
	rights *rights           // nil when there are none beyond the node itself
	fuel   api.MutableGlobal // nil until it is first needed

	// For this call.
	ctx      context.Context //nolint:containedctx // a guest cannot hand it on from one host function to the next
	function *function       // that runs; nil in the start section
	of       subject
	tx       *engine.Tx // nil when there is no state
	network  bool       // whether http is usable without tx, in a sandbox
	state    state      // opened with the first use of kv
	deadline time.Time
	within   context.Context    //nolint:containedctx // ctx with the deadline, once bounded has made it
	cancel   context.CancelFunc // of within
	turn     turn
	hurried  bool // the deadline is that of the request, not of the module
	input    []byte
	output   []byte
	reason   []byte // of error_write
	line     []byte // begun on standard output
	spent    spent
	results  [][]byte // of http_call, encoded
	// firstResult is the handle of the first of results. No handle of this
	// instance comes twice.
	firstResult int32
	failure     error // *fault or *aborted, why the host ended the call
}

// spent counts what a call has used.
type spent struct {
	hostCalls, kvCalls, randomBytes, logRecords int
	httpCalls, cryptoBytes                      int
	fuel                                        int64 // given by refuel
}

// subject says on whose behalf a call runs, for the log.
type subject struct{ application, request string }

// begin makes the call ready. The input stays as it is, and so does a state
// that is set already.
func (c *call) begin(ctx context.Context, tx *engine.Tx, of subject, deadline time.Time) {
	c.ctx, c.tx, c.of, c.deadline, c.hurried = ctx, tx, of, deadline, false
	if until, ok := ctx.Deadline(); ok && until.Before(c.deadline) {
		c.deadline, c.hurried = until, true
	}
	c.output, c.reason, c.line = c.output[:0], c.reason[:0], c.line[:0]
	c.spent = spent{}
	c.failure = nil
}

// bounded is the context of the call with its deadline, for what may wait.
func (c *call) bounded() context.Context {
	if c.within == nil {
		c.within, c.cancel = context.WithDeadline(c.ctx, c.deadline)
	}
	return c.within
}

// end lets go of what belongs to the operation.
func (c *call) end() {
	c.flush()
	c.firstResult += int32(len(c.results))
	if c.cancel != nil {
		c.cancel()
	}
	c.within, c.cancel = nil, nil
	c.ctx, c.tx, c.state, c.results, c.network = nil, nil, nil, nil, false
}

// stop ends the call from within a host function. It does not return.
func (c *call) stop(err error) {
	c.failure = err
	panic(err)
}

// checkTime ends the call if its time is over or nobody waits for it.
func (c *call) checkTime() {
	if err := c.ctx.Err(); err != nil {
		c.stop(gone(err))
	}
	if time.Now().Before(c.deadline) {
		return
	}
	if c.hurried {
		c.stop(gone(context.DeadlineExceeded))
	}
	c.stop(errLate)
}

var errLate = &fault{kind: late, cause: context.DeadlineExceeded}

// charge counts a use against its quota.
func charge(spent *int, n, quota int) (ok bool) {
	if n > quota-*spent {
		return false
	}
	*spent += n
	return true
}

// admit counts a host call. A guest that goes on after it was told that its
// quota is used up is ended.
func (c *call) admit() bool {
	c.spent.hostCalls++
	if c.spent.hostCalls > stormFactor*c.limits.HostCalls {
		c.stop(violation("more than %d host calls in one operation", stormFactor*c.limits.HostCalls))
	}
	return c.spent.hostCalls <= c.limits.HostCalls
}

// view returns a part of the guest's memory, which is valid until the guest
// runs again. One that is not there ends the call.
func (c *call) view(m api.Memory, pointer, length uint64) []byte {
	view, ok := m.Read(uint32(pointer), uint32(length)) // checks in 64 bits
	if !ok {
		c.stop(violation("%d bytes at address %#x are outside of the memory of %d bytes", uint32(length), uint32(pointer), m.Size()))
	}
	return view
}

// result is the number that a host function returns for an error.
func result(e wasmabi.Errno) int64 { return int64(e.Return()) }
