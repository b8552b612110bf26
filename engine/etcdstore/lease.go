package etcdstore

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/credence-engine/credence/engine"
)

// revokeTimeout bounds the end of a lease when the store is closed. A lease
// that could not be ended runs out by itself.
const revokeTimeout = time.Second

// A lease is renewed renewals times within its life, each try has as much time
// as lies between two, and after a failed one the next is retries times sooner.
// What is held is told shorter by one part in margin: this process's clock and
// that of etcd's leader do not run at quite the same pace.
const (
	renewals = 3
	retries  = 6
	margin   = 10
)

// lease holds the ephemeral records of a store alive: one lease of etcd, taken
// with the first such write and renewed until the store is closed. One that
// was lost is taken anew with the next ephemeral write.
//
// It is renewed here and not by etcd's client, which tells neither when it
// asked nor that nobody answers.
type lease struct {
	client *clientv3.Client
	ttl    time.Duration
	log    *slog.Logger

	renewing context.Context //nolint:containedctx // of the renewals, which outlive the calls that begin them
	stop     context.CancelFunc
	wg       sync.WaitGroup

	mu   sync.Mutex // also over the granting, so that there is one lease
	id   clientv3.LeaseID
	held atomic.Pointer[time.Time] // see Store.Held; nil: no lease
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
	sent := time.Now()
	granted, err := l.client.Grant(ctx, int64(l.ttl/time.Second))
	if err != nil {
		return clientv3.NoLease, err
	}
	l.id = granted.ID
	l.extend(sent, granted.TTL)
	l.wg.Go(func() { l.renew(granted.ID) })
	return granted.ID, nil
}

// extend notes that etcd keeps the lease for so many seconds from some moment
// after sent. The caller holds mu.
func (l *lease) extend(sent time.Time, seconds int64) {
	ttl := time.Duration(seconds) * time.Second
	until := sent.Add(ttl - ttl/margin)
	l.held.Store(&until)
}

// renew asks for more time, again and again, for as long as id is the lease.
func (l *lease) renew(id clientv3.LeaseID) {
	between := l.ttl / renewals
	pause := between
	for {
		select {
		case <-time.After(pause):
		case <-l.renewing.Done():
			return
		}
		sent := time.Now()
		asking, cancel := context.WithTimeout(l.renewing, between)
		answer, err := l.client.KeepAliveOnce(asking, id)
		cancel()
		switch {
		case err == nil:
			pause = between
			if !l.renewed(id, sent, answer.TTL) {
				return
			}
		case errors.Is(rpctypes.Error(err), rpctypes.ErrLeaseNotFound):
			l.forget(id)
			return
		default:
			pause = between / retries
		}
	}
}

// renewed takes in that etcd has given the lease more time, and reports false
// when it is the lease no more.
func (l *lease) renewed(id clientv3.LeaseID, sent time.Time, seconds int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.id != id {
		return false
	}
	l.extend(sent, seconds)
	return true
}

// forget lets the next ephemeral write take a new lease, if id, of which etcd
// knows nothing any more, is the present one.
func (l *lease) forget(id clientv3.LeaseID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id == clientv3.NoLease || l.id != id {
		return
	}
	l.id = clientv3.NoLease
	l.held.Store(nil)
	if l.renewing.Err() == nil {
		l.log.Warn("the lease in etcd was lost: this node counted as gone until it writes its records anew")
	}
}

// end gives the lease back, and with it the ephemeral records.
func (l *lease) end() {
	l.stop()
	l.mu.Lock() // behind a grant under way, so that no further renewals begin
	id := l.id
	l.mu.Unlock()
	l.wg.Wait()
	l.held.Store(nil)
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
	if until := s.lease.held.Load(); until != nil {
		return *until
	}
	return time.Time{}
}
