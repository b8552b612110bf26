package etcdstore

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/credence-engine/credence/engine"
)

// revokeTimeout bounds the end of a lease when the store is closed. A lease
// that could not be ended runs out by itself.
const revokeTimeout = time.Second

// lease holds the ephemeral records of a store alive: one lease of etcd, taken
// with the first such write and renewed until the store is closed. One that
// was lost is taken anew with the next ephemeral write.
type lease struct {
	client *clientv3.Client
	ttl    time.Duration
	log    *slog.Logger

	renewing context.Context //nolint:containedctx // of the renewals, which outlive the calls that begin them
	stop     context.CancelFunc
	wg       sync.WaitGroup

	mu sync.Mutex // also over the granting, so that there is one lease
	id clientv3.LeaseID
}

func newLease(client *clientv3.Client, ttl time.Duration, log *slog.Logger) *lease {
	l := &lease{client: client, ttl: ttl, log: log}
	l.renewing, l.stop = context.WithCancel(context.Background())
	return l
}

// leaseFor returns the lease that the writes need, which is none when none of
// them is ephemeral.
func (s *Store) leaseFor(ctx context.Context, writes []engine.Write) (clientv3.LeaseID, error) {
	if !slices.ContainsFunc(writes, func(w engine.Write) bool { return w.Ephemeral && !w.Delete }) {
		return clientv3.NoLease, nil
	}
	return s.lease.hold(ctx)
}

// hold returns the lease, and grants one when there is none.
func (l *lease) hold(ctx context.Context) (clientv3.LeaseID, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.id != clientv3.NoLease {
		return l.id, nil
	}
	if l.renewing.Err() != nil {
		return clientv3.NoLease, errClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.renewing, cancel)() // the end of the store does not wait for a stalled cluster
	granted, err := l.client.Grant(ctx, int64(l.ttl/time.Second))
	if err != nil {
		return clientv3.NoLease, err
	}
	renewals, err := l.client.KeepAlive(l.renewing, granted.ID)
	if err != nil {
		return clientv3.NoLease, err
	}
	l.id = granted.ID
	l.wg.Go(func() {
		for range renewals { // the client renews; here it is only heard out
		}
		if l.renewing.Err() == nil && l.forget(granted.ID) {
			l.log.Warn("the lease in etcd was lost: this node counted as gone until it writes its records anew")
		}
	})
	return granted.ID, nil
}

// forget lets the next ephemeral write take a new lease, and tells whether id
// was the present one.
func (l *lease) forget(id clientv3.LeaseID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id == clientv3.NoLease || l.id != id {
		return false
	}
	l.id = clientv3.NoLease
	return true
}

// end gives the lease back, and with it the ephemeral records.
func (l *lease) end() {
	l.stop()
	l.mu.Lock()
	id := l.id
	l.mu.Unlock()
	l.wg.Wait()
	if id == clientv3.NoLease {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), revokeTimeout)
	defer cancel()
	if _, err := l.client.Revoke(ctx, id); err != nil {
		l.log.Warn("the lease in etcd could not be given back: this node counts as live until it runs out", "after", l.ttl, "error", err)
	}
}

// Held implements [engine.Store].
func (s *Store) Held() time.Time {
	s.lease.mu.Lock()
	defer s.lease.mu.Unlock()
	if s.lease.id == clientv3.NoLease {
		return time.Time{}
	}
	return time.Now().Add(s.lease.ttl) // TODO(receipts): count from the renewal that was sent
}
