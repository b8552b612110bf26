package wasmhost

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/credence-engine/credence/engine"
)

// callsPerProcessor is how many calls of modules run at once on this node, for
// each processor. More of them would only wait for each other, and everything
// else for them.
const callsPerProcessor = 4

// shortFuel is what a call may spend before it counts as long, some two
// milliseconds. Long calls have half of the turns at most.
const shortFuel = 4 * fuelSlice

// turns bounds the calls that run at once on this node, over all services. No
// service has more than half of them, and those that wait take turns, so that
// a service that is slow or hostile leaves room for its neighbours.
type turns struct {
	most, share int32 // of all services, and of one
	running     atomic.Int32
	waiting     atomic.Int32 // in all lanes

	mu    sync.Mutex // guards what follows
	lanes []*lane    // in which calls wait; the first is served next
}

// lane is where the calls of one service take their turns.
type lane struct {
	of      *turns
	long    *lane // where its long calls take one more; nil in that one
	running atomic.Int32
	waiting []chan struct{} // guarded by of.mu; each closed when its turn has come
}

func newTurns(most int) *turns {
	return &turns{most: int32(most), share: int32(max(1, most/2))}
}

// lane makes the lane of a service.
func (r *Runtime) lane() *lane { return &lane{of: r.turns, long: &lane{of: r.longTurns}} }

// callsOfNode is the number of turns of a node.
func callsOfNode() int { return callsPerProcessor * runtime.GOMAXPROCS(0) }

// try takes a turn if there is one.
func (l *lane) try() bool {
	if l.running.Add(1) > l.of.share {
		l.running.Add(-1)
		return false
	}
	if l.of.running.Add(1) > l.of.most {
		l.of.running.Add(-1)
		l.running.Add(-1)
		return false
	}
	return true
}

// pass takes a turn if there is one and nobody waits.
func (l *lane) pass() bool { return l.of.waiting.Load() == 0 && l.try() }

// take takes a turn, and waits for it if need be. No more than so many calls
// of the service wait.
func (l *lane) take(ctx context.Context, wait time.Duration, queue int) error {
	if l.pass() {
		return nil
	}
	turn, err := l.join(queue)
	if turn == nil || err != nil {
		return err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-turn:
		return nil
	case <-timer.C:
		err = engine.Errorf(engine.CodeExhausted, "%d calls of modules run on this node already, of this credentials service as many as may, and none ended within %s: try again later, or lower the rate",
			l.of.running.Load(), wait)
	case <-ctx.Done():
		err = gone(ctx.Err()).cause
	}
	if l.quit(turn) {
		return nil // it came at the last moment
	}
	return err
}

// join enters the lane, or takes a turn: then there is no channel.
func (l *lane) join(queue int) (chan struct{}, error) {
	t := l.of
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case len(l.waiting) == 0 && l.try():
		return nil, nil
	case len(l.waiting) >= queue:
		return nil, engine.Errorf(engine.CodeExhausted, "%d calls of this credentials service wait for their turn on this node already: try again later, or lower the rate", len(l.waiting))
	}
	return l.enter(len(l.waiting)), nil
}

// enter puts a call at a place in the lane. The caller holds the mutex.
func (l *lane) enter(place int) chan struct{} {
	t := l.of
	if len(l.waiting) == 0 {
		t.lanes = append(t.lanes, l)
	}
	turn := make(chan struct{})
	l.waiting = slices.Insert(l.waiting, place, turn)
	t.waiting.Add(1)
	t.hand() // what was given back since, without seeing this call
	return turn
}

// quit leaves the lane, unless the turn has come meanwhile.
func (l *lane) quit(turn chan struct{}) (given bool) {
	t := l.of
	t.mu.Lock()
	defer t.mu.Unlock()
	n := slices.Index(l.waiting, turn)
	if n < 0 {
		return true
	}
	l.waiting = slices.Delete(l.waiting, n, n+1)
	t.waiting.Add(-1)
	if len(l.waiting) == 0 {
		t.lanes = slices.DeleteFunc(t.lanes, func(other *lane) bool { return other == l })
	}
	return false
}

// give gives a turn back.
func (l *lane) give() {
	l.of.running.Add(-1)
	l.running.Add(-1)
	if l.of.waiting.Load() > 0 {
		l.of.mu.Lock()
		l.of.hand()
		l.of.mu.Unlock()
	}
}

// hand gives what turns there are to those who wait, one service after the
// other. The caller holds the mutex.
func (t *turns) hand() {
	for passed := 0; passed < len(t.lanes); {
		l := t.lanes[0]
		copy(t.lanes, t.lanes[1:])
		t.lanes[len(t.lanes)-1] = l
		if !l.try() {
			passed++
			continue
		}
		passed = 0
		close(l.waiting[0])
		l.waiting = slices.Delete(l.waiting, 0, 1)
		t.waiting.Add(-1)
		if len(l.waiting) == 0 {
			t.lanes = t.lanes[:len(t.lanes)-1]
		}
	}
}

// retake takes a turn for a call that had one, before those that have not
// begun. It has it after a short wait in any case: its time runs.
func (l *lane) retake(ctx context.Context) {
	if l.pass() {
		return
	}
	turn := l.rejoin()
	if turn == nil {
		return
	}
	timer := time.NewTimer(retakeWait)
	defer timer.Stop()
	select {
	case <-turn:
		return
	case <-timer.C:
	case <-ctx.Done():
	}
	if !l.quit(turn) {
		l.running.Add(1)
		l.of.running.Add(1)
	}
}

// retakeWait bounds the wait of a call that has begun.
const retakeWait = 20 * time.Millisecond

// rejoin enters the lane at its head, or takes a turn.
func (l *lane) rejoin() chan struct{} {
	t := l.of
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.try() {
		return nil
	}
	return l.enter(0)
}

// turn is what a call has while it runs. A call on trial has the zero turn,
// which bounds nothing.
type turn struct {
	lane *lane
	long bool // whether it has a turn among the long calls, too
}

// give gives all of it back.
func (t *turn) give() {
	if t.long {
		t.lane.long.give()
	}
	if t.lane != nil {
		t.lane.give()
	}
	*t = turn{}
}

// aside lets a call wait for something outside of this process, during which
// another may have its turn.
func (c *call) aside(wait func()) {
	t := c.turn
	c.turn.give()
	defer func() {
		if t.long {
			t.lane.long.retake(c.ctx)
		}
		if t.lane != nil {
			t.lane.retake(c.ctx)
		}
		c.turn = t
	}()
	wait()
}

// prolong makes a long call wait for its turn among the long ones, so that
// there is always room for short ones. That it waits in vain until its
// deadline is not the module's fault.
func (c *call) prolong() {
	l := c.turn.lane
	if l == nil || c.turn.long || c.spent.fuel < shortFuel {
		return
	}
	if !l.long.pass() {
		l.give()
		err := l.long.take(c.ctx, time.Until(c.deadline), math.MaxInt)
		l.retake(c.ctx)
		if err != nil {
			c.stop(&aborted{err})
		}
	}
	c.turn.long = true
}
