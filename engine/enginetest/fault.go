package enginetest

import (
	"context"
	"io"
	"iter"
	"sync/atomic"
	"time"

	"github.com/credence-engine/credence/engine"
)

// Fault is what a [FaultStore] does to one call: it waits Delay (or until the
// call's ctx ends), then fails with Before without asking the inner store, or
// asks it and fails with After if the inner store did not fail itself. A
// commit with After set is thus applied although its caller is told otherwise.
// The zero value lets the call pass.
type Fault struct {
	Delay  time.Duration
	Before error
	After  error
}

// Hooks choose the fault of each call. A nil hook lets all calls of its kind
// pass. Hooks are called from the callers' goroutines, several at a time.
type Hooks struct {
	Read   func(keys []string) Fault
	List   func(engine.ListRequest) Fault
	Commit func(engine.Commit) Fault
	// Watch is asked before each delivery. Before takes the place of the
	// delivery and ends the sequence; After ends it behind the delivery.
	Watch func(prefix string, changes engine.Changes) Fault
}

// FaultStore is an [engine.Store] that fails on demand and otherwise hands
// every call to the store inside.
type FaultStore struct {
	inner engine.Store
	hooks atomic.Pointer[Hooks]
}

var _ engine.Store = (*FaultStore)(nil)

// NewFaultStore wraps inner; without hooks it changes nothing.
func NewFaultStore(inner engine.Store) *FaultStore {
	s := &FaultStore{inner: inner}
	s.Inject(Hooks{})
	return s
}

// Inject replaces the hooks, for the calls that begin and the deliveries that
// are made from now on.
func (s *FaultStore) Inject(h Hooks) { s.hooks.Store(&h) }

// Read implements [engine.Store].
func (s *FaultStore) Read(ctx context.Context, c engine.Consistency, keys ...string) (engine.Snapshot, error) {
	var fault Fault
	if hook := s.hooks.Load().Read; hook != nil {
		fault = hook(keys)
	}
	return pass(ctx, fault, func() (engine.Snapshot, error) { return s.inner.Read(ctx, c, keys...) })
}

// List implements [engine.Store].
func (s *FaultStore) List(ctx context.Context, r engine.ListRequest) (engine.Page, error) {
	var fault Fault
	if hook := s.hooks.Load().List; hook != nil {
		fault = hook(r)
	}
	return pass(ctx, fault, func() (engine.Page, error) { return s.inner.List(ctx, r) })
}

// Held implements [engine.Store].
func (s *FaultStore) Held() time.Time { return s.inner.Held() }

// Commit implements [engine.Store].
func (s *FaultStore) Commit(ctx context.Context, c engine.Commit) (engine.Revision, error) {
	var fault Fault
	if hook := s.hooks.Load().Commit; hook != nil {
		fault = hook(c)
	}
	return pass(ctx, fault, func() (engine.Revision, error) { return s.inner.Commit(ctx, c) })
}

// Watch implements [engine.Store].
func (s *FaultStore) Watch(ctx context.Context, prefix string, after engine.Revision) iter.Seq2[engine.Changes, error] {
	return func(yield func(engine.Changes, error) bool) {
		for changes, err := range s.inner.Watch(ctx, prefix, after) {
			var fault Fault
			if hook := s.hooks.Load().Watch; hook != nil && err == nil {
				fault = hook(prefix, changes)
			}
			wait(ctx, fault.Delay)
			if fault.Before != nil {
				yield(engine.Changes{}, fault.Before)
				return
			}
			if ctx.Err() != nil || !yield(changes, err) {
				return
			}
			if fault.After != nil {
				yield(engine.Changes{}, fault.After)
				return
			}
		}
	}
}

// Compact hands on to the inner store, if that offers it.
func (s *FaultStore) Compact(ctx context.Context, rev engine.Revision) error {
	compacter, ok := s.inner.(interface {
		Compact(ctx context.Context, rev engine.Revision) error
	})
	if !ok {
		return engine.Errorf(engine.CodeUnsupported, "the inner store offers no Compact")
	}
	return compacter.Compact(ctx, rev)
}

// Close hands on to the inner store, if that offers it.
func (s *FaultStore) Close() error {
	if closer, ok := s.inner.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// Expire hands on to the inner store, if that offers it.
func (s *FaultStore) Expire() {
	if leasing, ok := s.inner.(interface{ Expire() }); ok {
		leasing.Expire()
	}
}

func pass[T any](ctx context.Context, fault Fault, call func() (T, error)) (T, error) {
	var none T
	wait(ctx, fault.Delay)
	if fault.Before != nil {
		return none, fault.Before
	}
	answer, err := call()
	if err == nil && fault.After != nil {
		return none, fault.After
	}
	return answer, err
}

func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
