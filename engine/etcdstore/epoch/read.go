package epoch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/credence-engine/credence/engine"
)

var (
	errStopped = errors.New("the cache is closed")
	errLate    = errors.New("the watch is late")
)

// Read implements [engine.Store].
func (s *Store) Read(ctx context.Context, c engine.Consistency, keys ...string) (engine.Snapshot, error) {
	if s.cache == nil {
		return s.under.Read(ctx, c, keys...)
	}
	if err := engine.CheckRead(c, keys); err != nil {
		return engine.Snapshot{}, err
	}
	if ctx.Err() != nil {
		return engine.Snapshot{}, ended(ctx)
	}
	switch c.Mode {
	case engine.ModeGuess:
		return engine.Snapshot{Records: s.cache.guess(keys)}, nil
	case engine.ModeAsOf:
		return s.asOf(ctx, c, keys)
	case engine.ModeBounded:
		if snap, ok := s.cache.latest(keys, func() bool { return time.Since(s.cache.fresh) <= c.MaxAge }); ok {
			return s.hit(snap), nil
		}
	case engine.ModeAtLeast:
		if snap, ok := s.cache.latest(keys, func() bool { return s.cache.now >= c.Revision }); ok {
			return s.hit(snap), nil
		}
	}
	return s.strict(ctx, c, keys)
}

func (s *Store) hit(snap engine.Snapshot) engine.Snapshot {
	s.count.hits.Add(1)
	return snap
}

// strict answers from the cache as of a barrier that begins after the call (I1), or
// else asks the store.
func (s *Store) strict(ctx context.Context, c engine.Consistency, keys []string) (engine.Snapshot, error) {
	if !s.cache.holds(keys) {
		return s.miss(ctx, c, keys)
	}
	var barrier engine.Revision
	if strictReadsWait {
		var err error
		if barrier, err = s.barrier(ctx); err != nil {
			switch {
			case ctx.Err() != nil:
				return engine.Snapshot{}, ended(ctx)
			case errors.Is(err, errLate):
				return s.miss(ctx, c, keys)
			}
			s.count.misses.Add(1)
			return s.load(ctx, c, keys) // the store itself tells what is wrong with it
		}
	}
	least := barrier
	if c.Mode == engine.ModeAtLeast {
		least = max(least, c.Revision)
	}
	if snap, ok := s.cache.latest(keys, func() bool { return s.cache.now >= least }); ok {
		return s.hit(snap), nil
	}
	return s.miss(ctx, c, keys)
}

// asOf answers as of a revision that an earlier read returned.
func (s *Store) asOf(ctx context.Context, c engine.Consistency, keys []string) (engine.Snapshot, error) {
	if snap, ok := s.cache.asOf(c.Revision, keys); ok {
		return s.hit(snap), nil
	}
	s.count.misses.Add(1)
	return s.load(ctx, c, keys)
}

// load reads from the store and caches what it finds.
func (s *Store) load(ctx context.Context, c engine.Consistency, keys []string) (engine.Snapshot, error) {
	term, up := s.cache.expect(keys)
	snap, err := s.under.Read(ctx, c, keys...)
	if up {
		s.cache.fill(term, keys, snap)
	}
	return snap, err
}

// miss asks the store for all of the keys, together with others who miss the
// same ones.
func (s *Store) miss(ctx context.Context, c engine.Consistency, keys []string) (engine.Snapshot, error) {
	s.count.misses.Add(1)
	if c.Mode == engine.ModeAtLeast && c.Revision > 0 { // which may not have been reached: nobody else's answer
		return s.load(ctx, c, keys)
	}
	name := strings.Join(keys, "\x00")
	flight := s.misses.enter(name)
	defer s.misses.exit(name, flight)
	snap, err := flight.join(ctx, s.life, s.spawn, func(ctx context.Context) (engine.Snapshot, error) {
		ctx, cancel := context.WithTimeout(ctx, s.options.sharing())
		defer cancel()
		return s.read(ctx, keys)
	})
	if err != nil && ctx.Err() == nil { // each then learns by itself what is wrong
		return s.load(ctx, c, keys)
	}
	return snap, err
}

// read asks the store for the keys and for the epoch beside them, which makes a
// barrier of it.
func (s *Store) read(ctx context.Context, keys []string) (engine.Snapshot, error) {
	if len(keys) == engine.MaxCommitChecks {
		return s.load(ctx, engine.Strict, keys)
	}
	begun := time.Now()
	term, up := s.cache.expect(keys)
	snap, err := s.under.Read(ctx, engine.Strict, append(slices.Clip(keys), Key)...)
	if err == nil {
		epoch := snap.Records[len(keys)]
		snap.Records = snap.Records[:len(keys):len(keys)]
		s.cache.expectMark(markOf(snap, epoch, begun))
	}
	if up {
		s.cache.fill(term, keys, snap)
	}
	return snap, err
}

// flights are the reads that are under way or asked for, by their keys.
type flights struct {
	mu    sync.Mutex
	named map[string]*flight
}

type flight struct {
	rounds[engine.Snapshot]
	users int
}

func (f *flights) enter(name string) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.named[name]
	if one == nil {
		if f.named == nil {
			f.named = map[string]*flight{}
		}
		one = &flight{}
		f.named[name] = one
	}
	one.users++
	return one
}

func (f *flights) exit(name string, one *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one.users--; one.users == 0 {
		delete(f.named, name)
	}
}
