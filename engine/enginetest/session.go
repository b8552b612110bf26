package enginetest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/credence-engine/credence/engine"
)

// Session is one of several stores on the state of a [MemoryStore], as each
// node of a cluster has its own.
type Session struct {
	*MemoryStore
	closed bool
}

var _ engine.Store = (*Session)(nil)

// Session opens a further store on the same state.
func (s *MemoryStore) Session() *Session { return &Session{MemoryStore: s} }

// Commit implements [engine.Store].
func (s *Session) Commit(ctx context.Context, c engine.Commit) (engine.Revision, error) {
	return s.commit(ctx, c, s)
}

// Held implements [engine.Store]: the records of an open session stay.
func (s *Session) Held() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, holder := range s.ephemeral {
		if holder == s {
			return time.Now().Add(time.Hour)
		}
	}
	return time.Time{}
}

// Held implements [engine.Store].
func (s *MemoryStore) Held() time.Time { return s.own.Held() }

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
	s.apply(gone)
}

// Expire ends the lease of what was committed through the store itself; see
// [Session.Expire].
func (s *MemoryStore) Expire() { s.own.Expire() }

// Close ends the store for those who commit through it itself; sessions go on.
func (s *MemoryStore) Close() error { return s.own.Close() }
