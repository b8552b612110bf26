package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Fault says how a module failed in a call.
type Fault string

// The faults.
const (
	FaultTrap      Fault = "trap"      // it ended itself
	FaultTimeout   Fault = "timeout"   // its time ran out, not that of the request
	FaultViolation Fault = "violation" // it broke the ABI
)

// When a revision of a custom service is left alone on a node.
const (
	breakerViolations = 5  // so many violations,
	breakerFaults     = 20 // or so many traps and time-outs,
	breakerWindow     = time.Minute
	breakerPause      = 30 * time.Second // then no calls; after that one
	breakerTry        = 10 * time.Second // is how long that one may take
	breakerOpens      = 3                // so often, without a time of peace between, quarantines it
	breakerPeace      = 10 * time.Minute
)

// BreakerState says whether a service is called.
type BreakerState string

// The states.
const (
	BreakerClosed      BreakerState = "CLOSED"      // it is called
	BreakerOpen        BreakerState = "OPEN"        // it has failed too often; one call is let through now and then
	BreakerQuarantined BreakerState = "QUARANTINED" // the same, and an earlier revision takes its place if there is one
)

// Health is how the present revision of a custom service fares on this node.
type Health struct {
	State BreakerState
	Since time.Time // when it came into this state
	// Faults counts the calls in which it failed, since this node runs it.
	Faults int
}

// breaker stops calling a revision of a service that keeps failing. A closed
// one costs a call one atomic load.
type breaker struct {
	record      Service
	log         *slog.Logger
	tally       *tally
	quarantined func() // told each time that it opens while quarantined

	closed atomic.Bool

	mu         sync.Mutex // guards what follows
	health     Health
	violations recent
	faults     recent
	until      time.Time // before which no call is let through, unless closed
	opens      int
	incident   string // of the last fault
}

func newBreaker(record Service, log *slog.Logger, t *tally, quarantined func()) *breaker {
	b := &breaker{
		record: record, log: log, tally: t, quarantined: quarantined,
		health:     Health{State: BreakerClosed, Since: time.Now()},
		violations: make(recent, 0, breakerViolations), faults: make(recent, 0, breakerFaults),
	}
	b.closed.Store(true)
	return b
}

// recent holds the times of the last things that happened, as many as it has
// room for.
type recent []time.Time

// add reports whether it is full of what happened within the window.
func (r *recent) add(now time.Time) bool {
	if len(*r) == cap(*r) {
		copy(*r, (*r)[1:])
		*r = (*r)[:len(*r)-1]
	}
	*r = append(*r, now)
	return len(*r) == cap(*r) && now.Sub((*r)[0]) <= breakerWindow
}

// call runs a call unless the service is to be left alone.
func (b *breaker) call(run func() error) error {
	if b.closed.Load() {
		err := run()
		if err != nil {
			b.failed(err)
		}
		return err
	}
	if err := b.admit(); err != nil {
		return err
	}
	err := run()
	b.tried(err)
	return err
}

// admit lets one call through after each pause. If nothing comes of it, the
// next is let through when its time must be over.
func (b *breaker) admit() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if wait := b.until.Sub(now); wait > 0 {
		return &Error{
			Code: CodeModuleFault, Incident: b.incident, Retry: wait,
			Message: fmt.Sprintf("the credentials service %q has failed too often and is left alone on this node: it is tried again at %s",
				b.record.Name, b.until.UTC().Format(time.RFC3339)),
		}
	}
	b.until = now.Add(breakerTry)
	return nil
}

// failed counts a fault of a call that ran while the breaker was closed.
func (b *breaker) failed(err error) {
	fault, incident := faultOf(err)
	if fault == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count(fault, incident)
	if !b.closed.Load() { // since this call began
		return
	}
	kind := &b.faults
	if fault == FaultViolation {
		kind = &b.violations
	}
	if kind.add(time.Now()) {
		b.open()
	}
}

// tried ends the call that was let through.
func (b *breaker) tried(err error) {
	fault, incident := faultOf(err)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case fault != "":
		b.count(fault, incident)
		b.open()
	case decided(err):
		b.log.Info("a credentials service works again", "service", b.record.Name, "revision", b.record.Number)
		b.enter(BreakerClosed)
	default: // says nothing about the module: the next one tells
		b.until = time.Time{}
	}
}

func (b *breaker) count(fault Fault, incident string) {
	b.health.Faults++
	b.tally.fault(fault)
	b.incident = incident
}

// open leaves the service alone for a while.
func (b *breaker) open() {
	now := time.Now()
	if b.closed.Load() && now.Sub(b.health.Since) > breakerPeace {
		b.opens = 0
	}
	b.opens++
	b.tally.opens.Add(1)
	b.until = now.Add(breakerPause)
	b.violations, b.faults = b.violations[:0], b.faults[:0]
	state := BreakerOpen
	if b.opens >= breakerOpens {
		state = BreakerQuarantined
	}
	b.log.Error("a credentials service has failed too often and is left alone on this node",
		"service", b.record.Name, "revision", b.record.Number, "module", b.record.Module,
		"state", state, "until", b.until, "incident", b.incident)
	b.enter(state)
	if state == BreakerQuarantined {
		b.quarantined()
	}
}

func (b *breaker) enter(state BreakerState) {
	if state != b.health.State {
		b.health.State, b.health.Since = state, time.Now()
	}
	b.closed.Store(state == BreakerClosed)
}

func (b *breaker) now() Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.health
}

// faultOf returns the fault of a module that an error tells of, or "".
func faultOf(err error) (fault Fault, incident string) {
	if e, ok := asError(err); ok {
		return e.Fault, e.Incident
	}
	return "", ""
}

// decided tells whether a module has answered, if only with a refusal. What
// came of a conflict, of the store, of a queue or of a request that was given
// up is no answer.
func decided(err error) bool {
	if errors.Is(err, ErrConflict) {
		return false
	}
	switch CodeOf(err) {
	case CodeUnavailable, CodeDeadline, CodeExhausted, CodeUnsupported, CodeInternal:
		return false
	default:
		return true
	}
}
