package engine

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// EnforcementState says how far a revocation has come, on one node or on all.
type EnforcementState string

// The states.
const (
	// Enforced says that no node accepts the credentials or has a session of
	// theirs, nor has one an answer under way that would.
	Enforced EnforcementState = "ENFORCED"
	// Pending says that some node has not said so yet. Whoever asks a node
	// strictly is refused all the same.
	Pending EnforcementState = "PENDING"
)

// Enforcement is the receipt for what took rights away at Revision. It is
// Enforced when each node that lives has acknowledged it. A node whose record
// is gone is not waited for: it has stopped deciding before that. Without a
// State nothing was taken away.
type Enforcement struct {
	State    EnforcementState
	Revision Revision
	Nodes    []NodeEnforcement // by id; nil when they could not be learnt
	// Notice is Pending as long as a module has not been told, and else empty.
	// No decision depends on it.
	Notice EnforcementState

	notice string // key of what stands there while a module is to be told
}

// NodeEnforcement is how far one node has come. Revision is the newest that it
// has acknowledged.
type NodeEnforcement struct {
	ID       NodeID
	State    EnforcementState
	Revision Revision
}

const (
	// enforcementLook is how often the store is asked when no news come;
	// enforcementPoll the same for an engine that does not follow it.
	enforcementLook = time.Second
	enforcementPoll = 50 * time.Millisecond
	// enforcementRead bounds the look at the store after something was revoked.
	enforcementRead = time.Second
)

// Enforcement returns the receipt of a revocation as far as it has come.
// Credentials that the engine has not revoked are CodeNotFound.
func (e *Engine) Enforcement(ctx context.Context, caller Caller, app ApplicationID, id CredentialsID) (Enforcement, error) {
	if err := id.check(); err != nil {
		return Enforcement{}, err
	}
	var c Credentials
	_, err := e.run(ctx, caller, Strict, func(tx *Tx) error {
		if err := tx.load(ctx, appKey(caller.Tenant, app), credKey(app, id)); err != nil {
			return err
		}
		if _, err := tx.application(ctx, app); err != nil {
			return err
		}
		tx.app = app
		var err error
		if c, err = tx.Credentials(ctx, id); err == nil && c.Status != Revoked {
			err = Errorf(CodeNotFound, "the credentials %.80q are not revoked: there is nothing to enforce", string(id))
		}
		return err
	})
	if err != nil {
		return Enforcement{}, err
	}
	receipt := Enforcement{Revision: c.revokedAt(), notice: noticeKey(app, id)}
	err = e.inquire(ctx, &receipt)
	return receipt, err
}

// EnforcementAt returns how far the nodes have come with what took rights away
// at a revision, as a receipt named it.
func (e *Engine) EnforcementAt(ctx context.Context, caller Caller, app ApplicationID, at Revision) (Enforcement, error) {
	rev, err := e.run(ctx, caller, Strict, func(tx *Tx) error {
		_, err := tx.application(ctx, app)
		return err
	})
	if err == nil && at > rev {
		err = Errorf(CodeNotFound, "the state has not come to the revision %d: give the one of a receipt", at)
	}
	if err != nil {
		return Enforcement{}, err
	}
	receipt := Enforcement{Revision: at}
	err = e.inquire(ctx, &receipt)
	return receipt, err
}

// AwaitEnforced returns the receipt once it is Enforced, or as far as it has
// come when ctx ends.
func (e *Engine) AwaitEnforced(ctx context.Context, receipt Enforcement) Enforcement {
	if !awaitAcknowledgements {
		receipt.State = Enforced
	}
	for receipt.State == Pending {
		nodes, moved, following := e.roster.enforced(receipt.Revision)
		look := enforcementPoll
		if following {
			receipt.Nodes, look = nodes, enforcementLook
		}
		if !following || stateOf(nodes) == Enforced {
			if e.inquire(ctx, &receipt) == nil && receipt.State == Enforced {
				break
			}
		}
		timer := time.NewTimer(look)
		select {
		case <-moved:
		case <-timer.C:
			_ = e.inquire(ctx, &receipt)
		case <-ctx.Done():
			timer.Stop()
			return receipt
		}
		timer.Stop()
	}
	return receipt
}

// receipt is the first answer for what was taken away: what is known without
// asking the store, unless that says that it is done already, or it is to be
// asked. It never fails, since what it tells of has happened.
func (e *Engine) receipt(ctx context.Context, r Enforcement, ask bool) Enforcement {
	nodes, _, following := e.roster.enforced(r.Revision)
	r.Nodes = nodes
	if ask || !following || stateOf(nodes) == Enforced {
		ctx, cancel := context.WithTimeout(ctx, enforcementRead)
		defer cancel()
		_ = e.inquire(ctx, &r)
	}
	return r
}

// inquire completes a receipt by what the store says. On an error it leaves the
// receipt as it was.
func (e *Engine) inquire(ctx context.Context, r *Enforcement) error {
	nodes, err := e.acknowledged(ctx, r.Revision)
	if err != nil {
		return err
	}
	if r.notice != "" {
		snap, err := e.store.Read(ctx, Strict, r.notice)
		if err != nil {
			return err
		}
		if r.Notice = Pending; !snap.Records[0].Exists() {
			r.Notice, r.notice = "", "" // it never comes again
		}
	}
	r.Nodes, r.State = nodes, stateOf(nodes)
	return nil
}

// acknowledged reads, as of one revision, who lives and what each of them has
// acknowledged.
func (e *Engine) acknowledged(ctx context.Context, at Revision) ([]NodeEnforcement, error) {
	var ids []NodeID
	acks := map[NodeID]Revision{}
	request := ListRequest{Prefixes: []string{ackPrefix, nodeKey("")}, Limit: MaxListLimit}
	for {
		page, err := e.store.List(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Records {
			request.After = r.Key
			id := NodeID(lastSegment(r.Key))
			if r.Key == nodeKey(id) {
				ids = append(ids, id)
			} else if a, err := decodeAcknowledgement(r); err == nil {
				acks[id] = a.Revision
			}
		}
		if !page.More {
			return nodesUpTo(at, ids, acks), nil
		}
		request.Consistency = AsOf(page.Revision)
	}
}

func nodesUpTo(at Revision, ids []NodeID, acks map[NodeID]Revision) []NodeEnforcement {
	nodes := make([]NodeEnforcement, len(ids))
	for i, id := range ids {
		nodes[i] = NodeEnforcement{ID: id, State: Pending, Revision: acks[id]}
		if acks[id] >= at {
			nodes[i].State = Enforced
		}
	}
	slices.SortFunc(nodes, func(a, b NodeEnforcement) int { return cmp.Compare(a.ID, b.ID) })
	return nodes
}

func stateOf(nodes []NodeEnforcement) EnforcementState {
	for _, n := range nodes {
		if n.State != Enforced {
			return Pending
		}
	}
	return Enforced
}
