package wasmhost

import (
	"context"
	"slices"
	"time"

	"github.com/credence-engine/credence/engine"
)

// gate lets a number of calls run at once, and a number wait for their turn,
// first come first served. It is guarded by the service's mutex; a waiting call
// does not hold that.
type gate struct {
	limits  *Limits
	running int
	waiting []chan struct{} // each closed when its place is given
}

// pass takes a place if one is free. Nobody waits then: whoever leaves gives
// the place to the first that waits.
func (g *gate) pass() bool {
	if g.running == g.limits.Concurrency {
		return false
	}
	g.running++
	return true
}

// leave gives the place back or on.
func (g *gate) leave() {
	if len(g.waiting) == 0 {
		g.running--
		return
	}
	close(g.waiting[0])
	g.waiting = g.waiting[1:]
}

// line up for a place.
func (g *gate) line() (turn chan struct{}, err error) {
	if len(g.waiting) == g.limits.Queue {
		return nil, engine.Errorf(engine.CodeExhausted, "%d calls of this application's credentials service run already and %d wait: try again later, or lower the rate",
			g.limits.Concurrency, g.limits.Queue)
	}
	turn = make(chan struct{})
	g.waiting = append(g.waiting, turn)
	return turn, nil
}

// quit leaves the line, unless the place was given meanwhile.
func (g *gate) quit(turn chan struct{}) (given bool) {
	n := slices.Index(g.waiting, turn)
	if n >= 0 {
		g.waiting = slices.Delete(g.waiting, n, n+1)
	}
	return n < 0
}

// await waits for a turn, without the mutex.
func (g *gate) await(ctx context.Context, turn chan struct{}) error {
	timer := time.NewTimer(g.limits.QueueWait)
	defer timer.Stop()
	select {
	case <-turn:
		return nil
	case <-timer.C:
		return engine.Errorf(engine.CodeExhausted, "%d calls of this application's credentials service run already, and none ended within %s: try again later, or lower the rate",
			g.limits.Concurrency, g.limits.QueueWait)
	case <-ctx.Done():
		return gone(ctx.Err()).cause
	}
}
