package epoch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/credence-engine/credence/engine"
)

var (
	errMisfit = errors.New("the epoch in the store is not the one that the watch has told of: changes are lost")
	errStuck  = errors.New("the watch has brought nothing for too long")
	errEnded  = errors.New("the watch ended")
)

// retryAfter is the pause after a watch that could not be had.
const retryAfter = 500 * time.Millisecond

// follow keeps the cache in step until the store is closed. Whenever it is in
// doubt it forgets what is cached and begins anew.
func (s *Store) follow() {
	for s.life.Err() == nil {
		began := time.Now()
		err := s.track()
		if s.life.Err() != nil {
			return
		}
		s.count.restarts.Add(1)
		if !errors.Is(err, engine.ErrCompacted) {
			s.log.Warn("the cache was dropped and begins anew; decisions ask the store meanwhile", "cause", err)
		}
		s.health.lost(err)
		if time.Since(began) < retryAfter {
			pause(s.life, retryAfter)
		}
	}
}

// track follows the state by one watch until that fails or is given up.
func (s *Store) track() error {
	ctx, lose := context.WithCancelCause(s.life)
	defer lose(nil)
	begun := time.Now()
	snap, err := s.under.Read(ctx, engine.Strict, Key)
	if err != nil {
		return fmt.Errorf("the epoch cannot be read: %w", err)
	}
	s.cache.begin(markOf(snap, snap.Records[0], begun), lose)
	defer s.cache.end()
	s.health.found()
	for changes, err := range s.under.Watch(ctx, "", snap.Revision) {
		if err == nil {
			err = s.cache.apply(changes)
		}
		if err != nil {
			return err
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return errEnded
}

// watchdog begins the watch anew when it does not come as far as the state has.
// In quiet times it moves the cache's now along with the state, so that reads
// pinned to it are not compacted away.
func (s *Store) watchdog() {
	for pause(s.life, s.options.Stale) {
		m, err := s.epochs.join(s.life, s.life, s.spawn, s.readEpoch)
		if err != nil {
			continue // the store cannot be reached; that says nothing of the watch
		}
		timer := time.NewTimer(s.options.Stale)
		select {
		case <-m.reached:
		case <-s.life.Done():
		case <-timer.C:
			s.cache.giveUpWatch(errStuck)
		}
		timer.Stop()
	}
}

// giveUpWatch begins a new term, whatever the watch of this one still brings.
func (c *cache) giveUpWatch(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.up {
		c.forget()
		c.lose(cause)
	}
}

// pause waits, and reports false when ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
