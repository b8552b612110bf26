package engine

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// acknowledgement is the record by which a node says up to which revision it
// has carried out what took rights away. It stays true for good: a process that
// takes over a node's id decides nothing before it has seen all that came
// before its own announcement.
type acknowledgement struct {
	Revision Revision `cbor:"1,keyasint"`
}

func decodeAcknowledgement(r Record) (acknowledgement, error) {
	var a acknowledgement
	return a, decode(r, &a)
}

// roster is what this node knows of the others: who lives, and what each has
// acknowledged. It follows the store and may be late, so it is never the last
// word.
type roster struct {
	mu     sync.Mutex
	follow bool // Run keeps it
	nodes  map[NodeID]bool
	acks   map[NodeID]Revision
	proven Revision      // this node has seen all that was denied up to here
	moved  chan struct{} // closed with the next change
}

func newRoster() *roster {
	return &roster{nodes: map[NodeID]bool{}, acks: map[NodeID]Revision{}, moved: make(chan struct{})}
}

// keep tells that the roster is kept from now on, or no more.
func (r *roster) keep(on bool) { r.change(func() { r.follow = on }) }

// change applies fn and tells all who wait.
func (r *roster) change(fn func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fn()
	close(r.moved)
	r.moved = make(chan struct{})
}

// prove notes that this node's store answers nothing older than the revision.
func (r *roster) prove(at Revision) { r.change(func() { r.proven = max(r.proven, at) }) }

func (r *roster) provenUpTo() (Revision, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.proven, r.moved
}

// followNodes keeps the roster of the nodes that live. The node's own record is
// among them: when it comes back by the watch, this node is up to date.
func (e *Engine) followNodes(ctx context.Context) error {
	own := nodeKey(e.self.node.ID)
	var seen Revision
	return e.follow(ctx, follower{
		prefix: nodeKey(""),
		put: func(_ context.Context, r Record) {
			e.roster.change(func() { e.roster.nodes[NodeID(lastSegment(r.Key))] = true })
			if r.Key != own {
				return
			}
			seen = r.Version
			if n, err := decodeNode(r); (err != nil || !n.Started.Equal(e.self.node.Started)) && e.fence.shut() {
				e.fencedOff() // another process has taken this node's place
			}
		},
		gone: func(_ context.Context, key string, _ Revision) {
			e.roster.change(func() { delete(e.roster.nodes, NodeID(lastSegment(key))) })
			if key == own && e.fence.shut() {
				e.fencedOff()
			}
		},
		listed: func(keys map[string]bool) {
			e.roster.change(func() {
				maps.DeleteFunc(e.roster.nodes, func(id NodeID, _ bool) bool { return !keys[nodeKey(id)] })
			})
		},
		reached: func(at Revision) {
			if seen == at && e.fence.seesOwn(at) {
				e.roster.prove(at)
			}
		},
	})
}

// followAcknowledgements keeps the roster of what each node has acknowledged.
func (e *Engine) followAcknowledgements(ctx context.Context) error {
	return e.follow(ctx, follower{
		prefix: ackPrefix,
		put: func(_ context.Context, r Record) {
			if a, err := decodeAcknowledgement(r); err == nil {
				e.roster.change(func() { e.roster.acks[NodeID(lastSegment(r.Key))] = a.Revision })
			}
		},
		gone: func(_ context.Context, key string, _ Revision) {
			e.roster.change(func() { delete(e.roster.acks, NodeID(lastSegment(key))) })
		},
		listed: func(keys map[string]bool) {
			e.roster.change(func() {
				maps.DeleteFunc(e.roster.acks, func(id NodeID, _ Revision) bool { return !keys[ackKey(id)] })
			})
		},
	})
}

// followDenials hears of all that takes rights away. By the contract of
// [Store.Watch] this node's reads know of it by then. What was missed while the
// watch was lost is made good by a new announcement: once that comes back, so
// has all that was before it.
func (e *Engine) followDenials(ctx context.Context) error {
	for ctx.Err() == nil {
		snap, err := e.store.Read(ctx, Strict, nodeKey(e.self.node.ID))
		if err == nil {
			e.announceAnew()
			err = e.watchDenials(ctx, snap.Revision)
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		e.log.Warn("lost sight of revocations, looking again; until then none is acknowledged", "error", err)
		select {
		case <-time.After(followRetry):
		case <-ctx.Done():
		}
	}
	return nil
}

func (e *Engine) watchDenials(ctx context.Context, after Revision) error {
	for changes, err := range e.store.Watch(ctx, denialPrefix, after) {
		if err != nil {
			return err
		}
		e.roster.prove(changes.Revision)
	}
	return nil
}

// sinceAcknowledged reads what is at hand, no older than what this node may have
// acknowledged by the time that it has the answer (I1b, I4): one that was long on
// its way may be from before a revocation that this node has meanwhile said to
// have carried out, and does not count.
func (e *Engine) sinceAcknowledged(ctx context.Context, keys ...string) (Snapshot, error) {
	for {
		at, _ := e.roster.provenUpTo()
		snap, err := e.store.Read(ctx, AtLeast(at), keys...)
		if err != nil {
			return snap, err
		}
		if at, _ = e.roster.provenUpTo(); snap.Revision >= at {
			return snap, nil
		}
	}
}

// acknowledge writes up to where this node has carried out what took rights
// away, many of them at a time.
func (e *Engine) acknowledge(ctx context.Context) error {
	var written Revision
	for {
		proven, moved := e.roster.provenUpTo()
		var again <-chan time.Time
		if proven > written {
			if e.acknowledgeUpTo(ctx, proven) == nil {
				written = proven
				continue
			}
			again = time.After(acknowledgeAgain)
		}
		select {
		case <-moved:
		case <-again:
		case <-ctx.Done():
			return nil
		}
	}
}

// acknowledgeAgain is the pause after an acknowledgement that could not be
// written.
const acknowledgeAgain = 100 * time.Millisecond

// acknowledgeUpTo says that nothing on this node is as it was before the
// revision: its reads, by the watch, and the streams of events that were told.
func (e *Engine) acknowledgeUpTo(ctx context.Context, at Revision) error {
	if err := e.streams.reached(ctx, at); err != nil {
		return err
	}
	value, err := encode(acknowledgement{Revision: at})
	if err != nil {
		return err
	}
	_, err = e.store.Commit(ctx, Commit{
		Writes: []Write{{Key: ackKey(e.self.node.ID), Value: value, Ephemeral: true}},
		Urgent: true,
	})
	return err
}

// enforced is how far each node that the roster knows has come.
func (r *roster) enforced(at Revision) (nodes []NodeEnforcement, moved <-chan struct{}, follow bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return nodesUpTo(at, slices.Collect(maps.Keys(r.nodes)), r.acks), r.moved, r.follow
}
