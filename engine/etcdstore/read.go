package etcdstore

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/credence-engine/credence/engine"
)

// Read implements [engine.Store]. Bounded, AtLeast and Guess are answered by a
// linearizable read, which is stronger than what they ask for; package epoch
// answers them from what this node has at hand.
func (s *Store) Read(ctx context.Context, c engine.Consistency, keys ...string) (engine.Snapshot, error) {
	if err := engine.CheckRead(c, keys); err != nil {
		return engine.Snapshot{}, err
	}
	if err := s.begin(); err != nil {
		return engine.Snapshot{}, err
	}
	defer s.calls.Done()
	answer, err := s.query(ctx, c, func(options ...clientv3.OpOption) []clientv3.Op {
		if len(keys) == 0 {
			return s.nothing(options)
		}
		ops := make([]clientv3.Op, len(keys))
		for i, key := range keys {
			ops[i] = clientv3.OpGet(s.prefix+key, options...)
		}
		return ops
	})
	if err != nil {
		return engine.Snapshot{}, err
	}
	records := make([]engine.Record, len(keys))
	for i, key := range keys {
		records[i].Key = key
		if kvs := answer.ranges[i].Kvs; len(kvs) > 0 {
			records[i] = s.record(kvs[0])
		}
	}
	return engine.Snapshot{Revision: answer.revision, Records: records}, nil
}

// answer holds what each range of a query found, and the revision of all.
type answer struct {
	revision engine.Revision
	ranges   []*clientv3.GetResponse
}

// query runs the ranges that build makes as of one revision, and again while
// etcd cannot be reached, until ctx ends. What is pinned to a revision is
// first asked of any one member, and of the majority only when that member
// has not come so far.
func (s *Store) query(ctx context.Context, c engine.Consistency, build func(...clientv3.OpOption) []clientv3.Op) (answer, error) {
	var options []clientv3.OpOption
	pinned := c.Mode == engine.ModeAsOf
	if pinned {
		options = []clientv3.OpOption{clientv3.WithRev(int64(c.Revision)), clientv3.WithSerializable()}
	}
	var last error
	for try := 0; ; try++ {
		if ctx.Err() != nil && last == nil {
			return answer{}, s.failed(ctx, ctx.Err())
		}
		found, err := s.ranges(ctx, build(options...))
		switch {
		case err == nil && pinned:
			found.revision = c.Revision
			return found, nil
		case err == nil && c.Mode == engine.ModeAtLeast && found.revision < c.Revision:
			return answer{}, notReached(c.Revision)
		case err == nil:
			return found, nil
		case errors.Is(rpctypes.Error(err), rpctypes.ErrFutureRev) && len(options) == 2:
			options = options[:1]
			continue
		case errors.Is(rpctypes.Error(err), rpctypes.ErrFutureRev):
			return answer{}, notReached(c.Revision)
		case !passing(err):
			return answer{}, s.failed(ctx, err)
		case last == nil || ctx.Err() == nil:
			last = err
		}
		if !s.pause(ctx, try) {
			return answer{}, s.failed(ctx, last)
		}
	}
}

// ranges sends one or several ranges in one round trip.
func (s *Store) ranges(ctx context.Context, ops []clientv3.Op) (answer, error) {
	if len(ops) == 1 {
		response, err := s.client.Do(ctx, ops[0])
		if err != nil {
			return answer{}, err
		}
		get := response.Get()
		return answer{revision: engine.Revision(get.Header.Revision), ranges: []*clientv3.GetResponse{get}}, nil
	}
	response, err := s.client.Txn(ctx).Then(ops...).Commit()
	if err != nil {
		return answer{}, err
	}
	found := answer{
		revision: engine.Revision(response.Header.Revision),
		ranges:   make([]*clientv3.GetResponse, len(ops)),
	}
	for i, r := range response.Responses {
		found.ranges[i] = (*clientv3.GetResponse)(r.GetResponseRange())
	}
	return found, nil
}

// nothing asks for a key that is never there, for the revision alone.
func (s *Store) nothing(options []clientv3.OpOption) []clientv3.Op {
	return []clientv3.Op{clientv3.OpGet(s.prefix, options...)}
}

func (s *Store) record(kv *mvccpb.KeyValue) engine.Record {
	return engine.Record{
		Key:       string(kv.Key[len(s.prefix):]),
		Value:     kv.Value,
		Version:   engine.Revision(kv.ModRevision),
		Writes:    kv.Version,
		Ephemeral: kv.Lease != 0,
	}
}

func notReached(rev engine.Revision) error {
	return engine.Errorf(engine.CodeUnavailable,
		"the store has not reached revision %d: was etcd restored from an older backup?", rev)
}
