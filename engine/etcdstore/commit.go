package etcdstore

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/credence-engine/credence/engine"
)

// Commit implements [engine.Store]. It returns [engine.ErrUnknownOutcome] also
// for a commit without a marker that met a conflict after a try of unknown
// outcome: the conflict may be with itself.
func (s *Store) Commit(ctx context.Context, c engine.Commit) (engine.Revision, error) {
	if err := c.Check(); err != nil {
		return 0, err
	}
	if err := s.begin(); err != nil {
		return 0, err
	}
	defer s.calls.Done()
	if err := ctx.Err(); err != nil {
		return 0, engine.Wrap(err, engine.CodeUnavailable, "the request ended before the change was tried: nothing was changed")
	}
	if s.server != nil {
		if err := s.server.hasRoom(); err != nil {
			return 0, err
		}
	}
	if c.Grows {
		if err := s.hasRoomToGrow(ctx, c); err != nil {
			return 0, err
		}
	}
	return s.settle(ctx, c)
}

// tryTimeout bounds one try of a transaction. A member that forwards one to a
// leader that is leaving would wait for it more than twice as long; a leader
// that is alive answers far sooner.
const tryTimeout = 3 * time.Second

// settle tries a transaction until its outcome is known. A try that failed
// after it was sent leaves that open: the next one tells, because it looks for
// the marker that the first may have left, and is applied only where there is
// none.
func (s *Store) settle(ctx context.Context, c engine.Commit) (engine.Revision, error) {
	open, marker := false, c.Marker
	for try := 0; ; try++ {
		response, sent, err := s.try(ctx, c)
		if err == nil {
			rev, err := s.outcome(response, marker)
			if err != nil && open && marker == "" {
				return 0, s.unknown(ctx, err)
			}
			return rev, err
		}
		if refused := refusal(err); refused != nil {
			if open {
				return s.lookBack(ctx, marker, err)
			}
			return 0, refused
		}
		open = open || sent
		if s.pause(ctx, try) {
			continue
		}
		if !open {
			return 0, engine.Wrap(err, engine.CodeUnavailable, "the store cannot be reached: nothing was changed")
		}
		return 0, s.unknown(ctx, err)
	}
}

// try sends a transaction once, and tells whether etcd may have applied it
// when that fails.
func (s *Store) try(ctx context.Context, c engine.Commit) (response *clientv3.TxnResponse, sent bool, err error) {
	id, err := s.leaseFor(ctx, c.Writes)
	if err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	ctx, leave := s.server.whileLed(ctx)
	defer leave()
	sending, flight := observe(ctx, s.server != nil)
	client := s.client
	if c.Urgent {
		client = s.urgent
	}
	answer, err := client.Do(sending, s.transaction(c, id))
	switch {
	case err == nil:
		return answer.Txn(), true, nil
	case errors.Is(rpctypes.Error(err), rpctypes.ErrLeaseNotFound): // a refusal: the next try takes a new one
		s.lease.forget(id)
		return nil, false, err
	}
	return nil, flight.yes, err
}

// lookBack answers for a transaction that etcd now refuses, and that an
// earlier try may have applied.
func (s *Store) lookBack(ctx context.Context, marker string, cause error) (engine.Revision, error) {
	if marker == "" {
		return 0, s.unknown(ctx, cause)
	}
	found, err := s.query(ctx, engine.Strict, func(...clientv3.OpOption) []clientv3.Op {
		return []clientv3.Op{clientv3.OpGet(s.prefix + marker)}
	})
	if err != nil || len(found.ranges[0].Kvs) == 0 {
		return 0, s.unknown(ctx, cause)
	}
	return engine.Revision(found.ranges[0].Kvs[0].ModRevision), nil
}

// transaction turns a commit into etcd's terms. When it does not apply, its
// answer holds the marker, if that is there.
func (s *Store) transaction(c engine.Commit, lease clientv3.LeaseID) clientv3.Op {
	checks := make([]clientv3.Cmp, 0, len(c.Checks)+1)
	for _, check := range c.Checks {
		checks = append(checks, clientv3.Compare(clientv3.ModRevision(s.prefix+check.Key), "=", int64(check.Version)))
	}
	var otherwise []clientv3.Op
	if c.Marker != "" {
		checks = append(checks, clientv3.Compare(clientv3.CreateRevision(s.prefix+c.Marker), "=", 0))
		otherwise = []clientv3.Op{clientv3.OpGet(s.prefix + c.Marker)}
	}
	writes := make([]clientv3.Op, len(c.Writes), len(c.Writes)+1)
	for i, w := range c.Writes {
		switch {
		case w.Delete:
			writes[i] = clientv3.OpDelete(s.prefix + w.Key)
		case w.Ephemeral:
			writes[i] = clientv3.OpPut(s.prefix+w.Key, string(w.Value), clientv3.WithLease(lease))
		default:
			writes[i] = clientv3.OpPut(s.prefix+w.Key, string(w.Value))
		}
	}
	if c.Stamp.Key != "" {
		writes = append(writes, clientv3.OpPut(s.prefix+c.Stamp.Key, string(c.Stamp.Value)))
	}
	return clientv3.OpTxn(checks, writes, otherwise)
}

// outcome reads etcd's answer to a transaction.
func (s *Store) outcome(response *clientv3.TxnResponse, marker string) (engine.Revision, error) {
	if response.Succeeded {
		return engine.Revision(response.Header.Revision), nil
	}
	if marker != "" {
		if kvs := response.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
			return engine.Revision(kvs[0].ModRevision), nil
		}
	}
	return 0, engine.ErrConflict
}

// unknown is the answer for a transaction that may or may not be applied. The
// log keeps why, unless the caller has left of itself.
func (s *Store) unknown(ctx context.Context, cause error) error {
	if !errors.Is(ctx.Err(), context.Canceled) {
		s.log.Warn("etcd did not confirm a change in time", "cause", rpctypes.Error(cause))
	}
	return engine.ErrUnknownOutcome
}
