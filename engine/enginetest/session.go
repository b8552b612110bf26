package enginetest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/credence-engine/credence/engine"
)

// SessionLease is how long the ephemeral records of a [Session] outlive
// [Session.Stall].
const SessionLease = 10 * time.Second

// Session is one of several stores on the state of a [MemoryStore], as each
// node of a cluster has its own. Its lease is renewed all the time, until a
// test says otherwise.
type Session struct {
	*MemoryStore
	closed  bool
	leased  bool        // it has written ephemeral records since its lease ended
	stalled time.Time   // since when its lease is not renewed; zero: it is
	ending  *time.Timer // ends the lease that is not renewed
}

var _ engine.Store = (*Session)(nil)

// Session opens a further store on the same state.
func (s *MemoryStore) Session() *Session { return &Session{MemoryStore: s} }

// Commit implements [engine.Store].
func (s *Session) Commit(ctx context.Context, c engine.Commit) (engine.Revision, error) {
	return s.commit(ctx, c, s)
}

// Held implements [engine.Store]. There is a margin, as with a real lease.
func (s *Session) Held() time.Time {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.leased {
		return time.Time{}
	}
	renewed := time.Now()
	if !s.stalled.IsZero() {
		renewed = s.stalled
	}
	return renewed.Add(SessionLease - SessionLease/10)
}

// Held implements [engine.Store].
func (s *MemoryStore) Held() time.Time { return s.own.Held() }

// Stall stops the renewals of the session's lease, which ends unless
// [Session.Resume] comes in time. Reads and commits go on: they are for a
// [FaultStore] to stop.
func (s *Session) Stall() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stalled.IsZero() || s.closed {
		return
	}
	s.stalled = time.Now()
	s.ending = time.AfterFunc(SessionLease, s.Expire)
}

// Resume renews the session's lease again, or lets its next ephemeral write
// begin a new one.
func (s *Session) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resume()
}

func (s *Session) resume() {
	if s.ending != nil {
		s.ending.Stop()
	}
	s.stalled, s.ending = time.Time{}, nil
}

// Expire ends the session's lease, as if it had been out of touch for too
// long: its ephemeral records vanish, and it goes on.
func (s *Session) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
}

// Close ends the session: its ephemeral records vanish, and it commits nothing
// any more.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.resume()
	s.expire()
	return nil
}

func (s *Session) expire() {
	var gone []engine.Write
	for _, key := range slices.Sorted(maps.Keys(s.ephemeral)) {
		if s.ephemeral[key] == s {
			gone = append(gone, engine.Write{Key: key, Delete: true})
			delete(s.ephemeral, key)
		}
	}
	s.leased = false
	s.apply(gone)
}

// Expire ends the lease of what was committed through the store itself; see
// [Session.Expire].
func (s *MemoryStore) Expire() { s.own.Expire() }

// Close ends the store for those who commit through it itself; sessions go on.
func (s *MemoryStore) Close() error { return s.own.Close() }
