package wasmhost

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/credence-engine/credence/engine"
)

// gate lets a number of calls through at once, and a number wait for a while.
type gate struct {
	places  chan struct{}
	waiting atomic.Int64
	queue   int
	wait    time.Duration
}

func newGate(l *Limits) *gate {
	return &gate{places: make(chan struct{}, l.Concurrency), queue: l.Queue, wait: l.QueueWait}
}

// enter waits for a place, which leave gives back.
func (g *gate) enter(ctx context.Context) error {
	select {
	case g.places <- struct{}{}:
		return nil
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > int64(g.queue) {
		return engine.Errorf(engine.CodeExhausted, "%d calls of this application's credentials service run already and %d wait: try again later, or lower the rate",
			cap(g.places), g.queue)
	}
	timer := time.NewTimer(g.wait)
	defer timer.Stop()
	select {
	case g.places <- struct{}{}:
		return nil
	case <-timer.C:
		return engine.Errorf(engine.CodeExhausted, "%d calls of this application's credentials service run already, and none ended within %s: try again later, or lower the rate",
			cap(g.places), g.wait)
	case <-ctx.Done():
		return gone(ctx.Err()).cause
	}
}

func (g *gate) leave() { <-g.places }
