package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// The fence looks at what the store holds when a quarter of the time that is
// left has passed, between these bounds.
const (
	fenceLookSoonest = 10 * time.Millisecond
	fenceLookLatest  = time.Second
)

var (
	errFenced   = Errorf(CodeUnavailable, "this node is out of touch with the others, and decides nothing until it is back among them: ask another node, or try again")
	errNotAmong = Errorf(CodeUnavailable, "this node has not announced itself to the others yet, and decides nothing until then: ask another node, or try again")
)

// unfenced is when an engine that nobody counts on stops deciding.
var unfenced = time.Unix(1<<40, 0)

// fence stops a node from deciding as soon as others may take it for gone: a
// receipt does not wait for those. It is open from when the node has seen its
// own announcement come back by the watch, which shows that it has seen all
// that came before, for as long as its record is sure to be there. Once shut,
// only a new announcement opens it: what the store holds by then may be a
// later lease, under which nobody knows of the node.
//
// An engine whose Run was never begun is not on the list of nodes. Its fence
// stays open. Behind the end of Run it is shut.
type fence struct {
	held  func() time.Time          // the store's
	until atomic.Pointer[time.Time] // nil: shut

	mu        sync.Mutex
	opened    chan struct{} // closed while it is open
	was       bool          // it was open once
	announced Revision      // of the newest announcement that is to open it
	seen      Revision      // of the newest record of this node that the watch has shown
}

func newFence(held func() time.Time) *fence {
	f := &fence{held: held, opened: make(chan struct{})}
	f.until.Store(&unfenced)
	return f
}

// pass fails while the fence is shut.
func (f *fence) pass() error {
	if until := f.until.Load(); until == nil || !time.Now().Before(*until) {
		return errFenced
	}
	return nil
}

// enter is pass, except that a node that has just begun is waited for.
func (f *fence) enter(ctx context.Context) error {
	if f.isOpen() {
		return nil
	}
	f.mu.Lock()
	was, opened := f.was, f.opened
	f.mu.Unlock()
	if was {
		return f.pass() // it may have opened meanwhile
	}
	select {
	case <-opened:
		return f.pass()
	case <-ctx.Done():
		return errNotAmong
	}
}

// isOpen tells whether the node's record is sure to be on the list.
func (f *fence) isOpen() bool { return f.pass() == nil }

// begin shuts the fence until the node is on the list of those that receipts
// wait for.
func (f *fence) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.close()
	f.was = false
}

// shut closes the fence, and tells whether it was open.
func (f *fence) shut() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.close()
}

func (f *fence) close() bool {
	f.announced = 0
	if f.until.Swap(nil) == nil {
		return false
	}
	if f.was {
		f.opened = make(chan struct{})
	}
	return true
}

// committed notes an announcement, and seesOwn that the watch has shown one.
// Each tells whether that makes it the one that shows that nothing before it
// was missed; then the fence is open.
func (f *fence) committed(at Revision) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.announced = at
	return f.meet()
}

func (f *fence) seesOwn(at Revision) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = at
	return f.meet()
}

func (f *fence) meet() bool {
	if f.announced == 0 || f.seen != f.announced {
		return false
	}
	if f.until.Load() != nil {
		return true
	}
	held := f.held()
	if !time.Now().Before(held) {
		return false
	}
	f.until.Store(&held)
	f.was = true
	close(f.opened)
	return true
}

// look moves the moment at which the fence shuts to where the store says. It
// returns when to look again, and what to wait for besides; lost tells that the
// fence shut just now.
func (f *fence) look() (next time.Duration, opened <-chan struct{}, lost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	until := f.until.Load()
	if until == nil {
		return fenceLookLatest, f.opened, false
	}
	held, now := f.held(), time.Now()
	if !now.Before(*until) || held.IsZero() {
		return fenceLookLatest, f.opened, f.close()
	}
	if held.After(*until) {
		until = &held
		f.until.Store(until)
	}
	return min(max(until.Sub(now)/4, fenceLookSoonest), fenceLookLatest), nil, false
}

// Ready fails while this node decides nothing, because the others may take it
// for gone. One that has just begun is waited for.
func (e *Engine) Ready(ctx context.Context) error { return e.fence.enter(ctx) }

// guard keeps the fence until ctx is done.
func (e *Engine) guard(ctx context.Context) error {
	for {
		next, opened, lost := e.fence.look()
		if lost {
			e.fencedOff()
		}
		select {
		case <-time.After(next):
		case <-opened:
		case <-ctx.Done():
			return nil
		}
	}
}

// fencedOff ends the streams of events, whose readers count on being told, and
// has this node announce itself anew. The fence is shut.
func (e *Engine) fencedOff() {
	e.streams.cutAll(errFenced)
	e.log.Warn("this node is out of touch with the others: it decides nothing until it has announced itself anew", "node", e.self.node.ID)
	e.services.tell()
}
