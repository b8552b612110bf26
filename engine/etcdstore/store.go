package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/credence-engine/credence/engine"
)

// Store is an [engine.Store] in etcd. It is safe for concurrent use.
type Store struct {
	client *clientv3.Client
	urgent *clientv3.Client // with a connection of its own: for urgent commits and the lease
	prefix string
	log    *slog.Logger
	server *server // nil: an external cluster
	room   *room
	lease  *lease

	done   chan struct{} // closed when Close begins
	mu     sync.RWMutex  // guards the closing of done against new calls
	calls  sync.WaitGroup
	closed error // what Close returned; valid once calls ended
	once   sync.Once
}

var _ engine.Store = (*Store)(nil)

// Open starts the embedded server, or connects to an external cluster, and
// returns a store that has answered once. ctx bounds the opening only. Close
// ends what Open began.
func Open(ctx context.Context, o Options) (*Store, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	s := &Store{prefix: o.Prefix, log: o.Logger, room: &room{quota: o.QuotaBytes}, done: make(chan struct{})}
	if len(o.Endpoints) > 0 {
		s.client, s.urgent, err = connectTwice(ctx, o)
	} else if s.server, err = startServer(ctx, o); err == nil {
		s.client = s.server.client()
		s.urgent = s.client // in process, where nothing can be in the way
	}
	if err != nil {
		return nil, err
	}
	s.lease = newLease(s.urgent, o.Lease, s.log)
	asking, cancel := ctx, func() {}
	if o.Cluster == nil { // a cluster may be without a leader for a while
		asking, cancel = context.WithTimeout(ctx, o.DialTimeout)
	}
	defer cancel()
	if err := s.Ready(asking); err != nil {
		return nil, errors.Join(fmt.Errorf("etcd does not answer: %w", err), s.Close())
	}
	return s, nil
}

// Wait waits until ctx is done, or the embedded server ends by itself, as that
// of a member that was removed from its cluster does: that is the error.
func (s *Store) Wait(ctx context.Context) error {
	if s.server == nil {
		<-ctx.Done()
		return nil
	}
	return s.server.wait(ctx)
}

// Member is the name of this member of a cluster, "" when it is none.
func (s *Store) Member() string {
	if s.server == nil || s.server.member == nil {
		return ""
	}
	return s.server.member.Name
}

// SharedKey is a key of size bytes for one purpose that all members of the
// cluster have in common, nil where there is none.
func (s *Store) SharedKey(purpose string, size int) []byte {
	if s.Member() == "" {
		return nil
	}
	return s.server.member.authority.derive(purpose, size)
}

// Close ends the watches and the ephemeral records, waits for the calls in
// flight, and stops the embedded server. Calls that begin later, or that wait for an unreachable
// cluster, answer [engine.CodeUnavailable].
func (s *Store) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		close(s.done)
		s.mu.Unlock()
		s.lease.end()
		s.closed = closeClient(s.client)
		if s.urgent != s.client {
			s.closed = errors.Join(s.closed, closeClient(s.urgent))
		}
		s.calls.Wait()
		if s.server != nil {
			s.server.stop()
		}
	})
	return s.closed
}

// begin counts a call; the caller calls s.calls.Done at its end.
func (s *Store) begin() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.isClosed() {
		return errClosed
	}
	s.calls.Add(1)
	return nil
}

func (s *Store) isClosed() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// Ready tells whether the store can answer: it makes one small linearizable
// read.
func (s *Store) Ready(ctx context.Context) error {
	_, err := s.Revision(ctx)
	return err
}

// Revision returns the revision that the store is at.
func (s *Store) Revision(ctx context.Context) (engine.Revision, error) {
	snap, err := s.Read(ctx, engine.Strict)
	return snap.Revision, err
}

// Compact forgets the states before rev: to read or list them, or to watch
// from before them, then answers [engine.ErrCompacted]. The embedded server
// does it by itself; in an external cluster it concerns all who share it.
func (s *Store) Compact(ctx context.Context, rev engine.Revision) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.calls.Done()
	if _, err := s.client.Compact(ctx, int64(rev)); err != nil {
		return s.failed(ctx, err)
	}
	return nil
}
