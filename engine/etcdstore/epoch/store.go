package epoch

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/credence-engine/credence/engine"
)

// Key is what every commit writes beside its own keys; its value says what
// those are. Nobody else writes it, and listings and watches leave it out.
const Key = "epoch"

// DefaultBytes is a usual size of the cache.
const DefaultBytes = 64 << 20

// Options of a [Store].
type Options struct {
	// Bytes bounds the memory of the cache, about. 0 turns it off: every read
	// then asks the store, as strict.
	Bytes int64
	// Late is how long a read waits for the watch before it asks the store
	// itself. 0: 100 ms.
	Late time.Duration
	// Stale is how long the watch may be behind before it is begun anew, and
	// how often that is looked at. 0: 2 s.
	Stale time.Duration
	// Pass is the time within which all that is cached is compared with the
	// store once; each second a part of it. 0: 10 minutes.
	Pass time.Duration
	// Log takes what went wrong with the cache. Nil: nothing.
	Log *slog.Logger
}

// sharing bounds a call that serves several: after that each asks for itself,
// for as long as it has time, and learns the store's own reason.
func (o Options) sharing() time.Duration { return o.Stale / 2 }

// Store is an [engine.Store] before another one, with a cache. All stores on
// one state must be of this kind, with a cache or without: what is written past
// them has no epoch.
type Store struct {
	under   engine.Store
	options Options
	log     *slog.Logger
	cache   *cache // nil: turned off
	epochs  rounds[*mark]
	misses  flights
	count   counters
	health  health

	life   context.Context //nolint:containedctx // of the work that no caller owns
	stop   context.CancelFunc
	mu     sync.Mutex // guards the beginning of work against Close
	closed bool
	work   sync.WaitGroup
}

var _ engine.Store = (*Store)(nil)

// New begins to follow the state that is under it. Close ends that.
func New(under engine.Store, o Options) *Store {
	o.Late = cmp.Or(o.Late, 100*time.Millisecond)
	o.Stale = cmp.Or(o.Stale, 2*time.Second)
	o.Pass = cmp.Or(o.Pass, 10*time.Minute)
	s := &Store{under: under, options: o, log: o.Log, health: newHealth()}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.life, s.stop = context.WithCancel(context.Background())
	if o.Bytes > 0 {
		s.cache = newCache(o.Bytes)
		s.spawn(s.follow)
		s.spawn(s.watchdog)
		s.spawn(s.compare)
	}
	return s
}

// Close stops following the state and waits for what was begun. Reads go on,
// and ask the store under it, which stays open.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.work.Wait()
	return nil
}

// spawn begins work that Close waits for, unless that has been called.
func (s *Store) spawn(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Go(f)
	return true
}

// Commit implements [engine.Store].
func (s *Store) Commit(ctx context.Context, c engine.Commit) (engine.Revision, error) {
	if len(c.Writes) > 0 {
		c.Stamp = engine.Write{Key: Key, Value: stamp(c.Writes)}
	}
	return s.under.Commit(ctx, c)
}

// Held implements [engine.Store].
func (s *Store) Held() time.Time { return s.under.Held() }

// List implements [engine.Store]: the store answers every listing itself.
func (s *Store) List(ctx context.Context, r engine.ListRequest) (engine.Page, error) {
	for {
		page, err := s.under.List(ctx, r)
		if err != nil {
			return engine.Page{}, err
		}
		at := slices.IndexFunc(page.Records, func(r engine.Record) bool { return r.Key == Key })
		if at < 0 {
			return page, nil
		}
		page.Records = slices.Concat(page.Records[:at], page.Records[at+1:])
		if len(page.Records) > 0 || !page.More {
			return page, nil
		}
		r.After, r.Consistency = Key, engine.AsOf(page.Revision)
	}
}

// Watch implements [engine.Store]. A change is yielded only once the cache has
// applied it, so that whoever was told of it reads nothing older afterwards,
// however weak the consistency.
func (s *Store) Watch(ctx context.Context, prefix string, after engine.Revision) iter.Seq2[engine.Changes, error] {
	return func(yield func(engine.Changes, error) bool) {
		for changes, err := range s.under.Watch(ctx, prefix, after) {
			if err != nil {
				yield(engine.Changes{}, err)
				return
			}
			if strings.HasPrefix(Key, prefix) {
				changes.Events = slices.DeleteFunc(slices.Clone(changes.Events), func(e engine.Event) bool { return e.Key == Key })
			}
			if len(changes.Events) == 0 {
				continue
			}
			if !s.caughtUp(ctx, changes.Revision) || !yield(changes, nil) {
				return
			}
		}
	}
}

// caughtUp waits until the cache shows nothing older than rev, or ctx ends.
func (s *Store) caughtUp(ctx context.Context, rev engine.Revision) bool {
	if s.cache == nil {
		return true
	}
	m := markOf(engine.Snapshot{}, engine.Record{Version: rev}, time.Time{})
	s.cache.expectMark(m)
	select {
	case <-m.reached:
	case <-ctx.Done():
	}
	for ctx.Err() == nil && s.cache.behind(rev) { // the end of a lease, which has no epoch of its own
		switch _, err := s.barrier(ctx); {
		case errors.Is(err, errStopped):
			return true
		case err != nil:
			pause(ctx, s.options.Late)
		}
	}
	return ctx.Err() == nil
}
