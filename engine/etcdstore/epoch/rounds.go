package epoch

import (
	"context"
	"sync"

	"github.com/credence-engine/credence/engine"
)

// rounds lets one call answer all who asked before it began. Who comes while a
// call is under way waits for the next one: what is under way may have looked
// before they asked.
type rounds[T any] struct {
	mu      sync.Mutex
	next    *round[T] // not begun; nil while nobody waits
	calling bool
}

// round is one such call.
type round[T any] struct {
	done   chan struct{} // closed when what follows is set
	answer T
	err    error

	waiting int             // those who still want the answer; guarded by the rounds' lock
	ctx     context.Context //nolint:containedctx // that of the call, which outlives each of them
	cancel  context.CancelFunc
}

// join waits for the next call that begins and returns its answer. spawn runs
// a function in a goroutine, or tells that it cannot any more.
func (r *rounds[T]) join(ctx, life context.Context, spawn func(func()) bool, call func(context.Context) (T, error)) (answer T, err error) {
	r.mu.Lock()
	if r.next == nil {
		r.next = &round[T]{done: make(chan struct{})}
		r.next.ctx, r.next.cancel = context.WithCancel(life)
	}
	mine := r.next
	mine.waiting++
	if !r.calling {
		if r.calling = spawn(func() { r.run(call) }); !r.calling {
			r.next = nil
			mine.cancel()
			r.mu.Unlock()
			return answer, errStopped
		}
	}
	r.mu.Unlock()
	select {
	case <-mine.done:
		return mine.answer, mine.err
	case <-ctx.Done():
		r.leave(mine)
		return answer, ended(ctx)
	}
}

// run makes calls for as long as somebody waits for one.
func (r *rounds[T]) run(call func(context.Context) (T, error)) {
	for {
		r.mu.Lock()
		now := r.next
		r.next = nil
		r.calling = now != nil
		r.mu.Unlock()
		if now == nil {
			return
		}
		now.answer, now.err = call(now.ctx)
		now.cancel()
		close(now.done)
	}
}

// leave gives up a call that nobody waits for any more.
func (r *rounds[T]) leave(mine *round[T]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if mine.waiting--; mine.waiting > 0 {
		return
	}
	mine.cancel()
	if r.next == mine {
		r.next = nil
	}
}

func ended(ctx context.Context) error {
	return engine.Wrap(ctx.Err(), engine.CodeDeadline, "the request ended before the store answered")
}
