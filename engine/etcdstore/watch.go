package etcdstore

import (
	"context"
	"crypto/rand"
	"errors"
	"iter"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/metadata"

	"github.com/credence-engine/credence/engine"
)

// Watch implements [engine.Store]. A member that has lost its leader ends the
// watch inside, so that it goes on at another member instead of falling
// silent.
func (s *Store) Watch(ctx context.Context, prefix string, after engine.Revision) iter.Seq2[engine.Changes, error] {
	return func(yield func(engine.Changes, error) bool) {
		w := &watch{store: s, prefix: prefix, last: after, yield: yield}
		if err := w.run(ctx); err != nil && ctx.Err() == nil {
			yield(engine.Changes{}, err)
		}
	}
}

// watch is one ranging over a sequence of changes.
type watch struct {
	store  *Store
	prefix string
	last   engine.Revision // all changes up to it are delivered
	yield  func(engine.Changes, error) bool
	left   bool // the caller broke its loop
}

// run delivers changes until the caller leaves, ctx ends, or no watch can be
// had any more; that is the error.
func (w *watch) run(ctx context.Context) error {
	if w.last == 0 {
		now, err := w.present(ctx)
		if err != nil {
			return err
		}
		w.last = now
	}
	for try := 0; ; try++ {
		before := w.last
		err := w.follow(ctx)
		if w.left || ctx.Err() != nil {
			return nil //nolint:nilerr // the watcher has gone, or is told to
		}
		if refused := refusal(err); refused != nil {
			return refused
		}
		if w.store.isClosed() {
			return errClosed
		}
		if w.last != before {
			try = 0
		}
		w.store.log.Warn("a watch of etcd was interrupted and is resumed", "revision", w.last, "cause", err)
		if !w.store.pause(ctx, try) && ctx.Err() == nil {
			return errClosed
		}
	}
}

// present returns the revision of now, and waits for a store out of reach.
func (w *watch) present(ctx context.Context) (engine.Revision, error) {
	found, err := w.store.query(ctx, engine.Strict, func(options ...clientv3.OpOption) []clientv3.Op {
		return w.store.nothing(options)
	})
	return found.revision, err
}

var errWatchEnded = errors.New("etcd ended the watch")

// follow delivers from one watch of etcd until that ends, and says why it did.
func (w *watch) follow(ctx context.Context) error {
	// The client gives watches of different metadata streams of their own: one
	// that is slow then holds up no other, and a resumed one logs in anew.
	ctx = metadata.AppendToOutgoingContext(clientv3.WithRequireLeader(ctx), "credence-watch", rand.Text())
	responses, cancel, err := w.open(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	for response := range responses {
		if response.CompactRevision != 0 {
			return rpctypes.ErrCompacted
		}
		if err := response.Err(); err != nil {
			return err
		}
		if w.deliver(ctx, response.Events); w.left || ctx.Err() != nil {
			return nil
		}
		// A note of progress says that nothing is missing up to its revision.
		// Resuming from there, a quiet watch is not overtaken by compaction.
		if response.IsProgressNotify() {
			w.last = max(w.last, engine.Revision(response.Header.Revision))
		}
	}
	return errWatchEnded
}

// confirmation is how long a watch that is given up early is waited for.
const confirmation = 3 * time.Second

// open begins a watch of etcd, which ends with ctx. etcd's client keeps the
// stream of a watch for good that was given up before etcd had confirmed it, so
// this one is left to be confirmed first.
func (w *watch) open(ctx context.Context) (clientv3.WatchChan, context.CancelFunc, error) {
	if err := w.store.begin(); err != nil {
		return nil, nil, err
	}
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	opened := make(chan clientv3.WatchChan)
	go func() {
		defer w.store.calls.Done()
		responses := w.store.client.Watch(watching, w.store.prefix+w.prefix, clientv3.WithPrefix(),
			clientv3.WithRev(int64(w.last)+1), clientv3.WithFragment(), clientv3.WithProgressNotify())
		select {
		case opened <- responses:
		case <-ctx.Done():
			cancel()
		}
	}()
	select {
	case responses := <-opened:
		stop := context.AfterFunc(ctx, cancel)
		return responses, func() { stop(); cancel() }, nil
	case <-ctx.Done():
		time.AfterFunc(confirmation, cancel) // etcd may be out of reach
		return nil, nil, ctx.Err()
	}
}

// deliver yields events, grouped by revision. A response never ends within a
// revision: the client joins the fragments.
func (w *watch) deliver(ctx context.Context, events []*clientv3.Event) {
	for len(events) > 0 && ctx.Err() == nil {
		revision := events[0].Kv.ModRevision
		n := 1
		for n < len(events) && events[n].Kv.ModRevision == revision {
			n++
		}
		changes := engine.Changes{Revision: engine.Revision(revision), Events: make([]engine.Event, n)}
		for i, e := range events[:n] {
			changes.Events[i] = engine.Event{Record: w.store.record(e.Kv), Deleted: e.Type == clientv3.EventTypeDelete}
		}
		events = events[n:]
		w.last = changes.Revision
		if !w.yield(changes, nil) {
			w.left = true
			return
		}
	}
}
