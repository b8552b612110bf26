package simulation

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest/invariant"
)

// kinds are what the history calls the verbs; of the others it needs not know.
var kinds = map[verb]invariant.Kind{
	provision: invariant.Provision, verify: invariant.Verify, revoke: invariant.Revoke, lookup: invariant.Get,
	deploy: invariant.Deploy, introspect: invariant.Introspect,
	endSession: invariant.EndSession, endEndpoint: invariant.EndEndpoint,
}

// ask sends a request to its node and notes what comes of it.
func (w *world) ask(r request) {
	if r.verb == introspect || r.verb == endSession {
		if r.session = cmp.Or(r.session, w.newest(r)); r.session == nil {
			return
		}
	}
	n := w.nodes[r.node]
	ctx, cancel := context.WithTimeout(context.Background(), r.patience)
	defer cancel()
	ops := w.opsOf(r)
	asked := make([]int, len(ops))
	for i := range ops {
		asked[i] = w.record.Invoke(ops[i])
	}
	if n.awake(ctx) {
		time.Sleep(w.chance.about("awake").number(uint64(r.number)).between(0, time.Millisecond))
	}
	p := n.process()
	err := errNobody
	if p != nil {
		defer context.AfterFunc(p.life, cancel)()
		err = p.answer(ctx, ops, r)
		if p.life.Err() != nil { // the answer died with the process
			ops, err = w.opsOf(r), errDied
		}
	}
	for i := range ops {
		w.learn(asked[i], &ops[i], err)
	}
	w.tellf("#%d %s %s", r.number, r.verb, ops[0].String())
	if op := ops[0]; op.Outcome == invariant.Done && r.takesAway() {
		w.chase(r, op.Revision, false)
		if r.wait {
			w.await(ctx, p, r, op)
		}
	}
}

func (r request) takesAway() bool {
	return r.verb == revoke || r.verb == endSession || r.verb == endEndpoint
}

// await waits for the receipt of what took rights away. The history keeps that
// as a request of its own.
func (w *world) await(ctx context.Context, p *process, r request, op invariant.Op) {
	again := w.opsOf(r)[0]
	again.Client = 300_000 + r.number
	asked := w.record.Invoke(again)
	again.Revision = op.Revision
	receipt := p.AwaitEnforced(ctx, engine.Enforcement{State: engine.Pending, Revision: op.Revision})
	var err error
	if p.life.Err() != nil {
		err = errDied
	}
	again.Enforced = err == nil && receipt.State == engine.Enforced
	w.learn(asked, &again, err)
	w.tellf("#%d %s, receipt: %s", r.number, r.verb, again.String())
	if again.Enforced {
		w.chase(r, 0, true)
	}
}

var (
	errNobody = errors.New("there is no such process")
	errDied   = errors.New("the process died")
)

// opsOf is what a request asks, as the history keeps it: most ask one thing.
func (w *world) opsOf(r request) []invariant.Op {
	op := invariant.Op{Kind: kinds[r.verb], Client: r.number, Node: string(w.nodes[r.node].id()), App: w.apps[r.app]}
	switch r.verb {
	case deploy:
		op.Service, op.Digest = swappedName, moduleOf(r.number)
	case bulk:
		var ops []invariant.Op
		for i, id := range r.ids() {
			op.Kind, op.Client, op.Credentials = invariant.Provision, 100_000+10*r.number+i, idOf(id)
			ops = append(ops, op)
		}
		return ops
	case endEndpoint:
		op.Endpoint = endpointOf(r.endpoint)
	case endSession:
		op.Session = r.session.name
	case introspect:
		op.Session, op.Credentials = r.session.name, idOf(r.id)
		op.Consistency = consistencyOf(r)
	case verify:
		op.Endpoint, op.Credentials = endpointOf(r.endpoint), idOf(r.id)
		op.Consistency = consistencyOf(r)
	default:
		op.Credentials = idOf(r.id)
	}
	return []invariant.Op{op}
}

func consistencyOf(r request) engine.Consistency {
	if r.after {
		return engine.Bounded(time.Hour)
	}
	if r.least != 0 {
		return engine.AtLeast(r.least)
	}
	if r.weak {
		return engine.Bounded(100 * time.Millisecond)
	}
	return engine.Strict
}

// learn notes what the client knows of one operation.
func (w *world) learn(asked int, op *invariant.Op, err error) {
	if op.Outcome == invariant.Unknown {
		op.Outcome = outcomeOf(op.Kind, err)
	}
	if err != nil {
		op.Detail = err.Error()
	}
	w.record.Return(asked, func(noted *invariant.Op) {
		op.Invoked, op.Returned = noted.Invoked, noted.Returned
		*noted = *op
	})
	op.Invoked, op.Returned = op.Invoked.Truncate(time.Microsecond), op.Returned.Truncate(time.Microsecond)
}

// chase asks every node about the rights that were just taken away: strictly,
// or for the state of at least that revision, or after a receipt with any age.
func (w *world) chase(r request, revision engine.Revision, after bool) {
	chaser := request{app: r.app, id: r.id, endpoint: r.endpoint, patience: time.Second, after: after}
	var sessions []*session
	switch r.verb {
	case revoke:
		sessions = w.sessionsOf(r)
	case endSession:
		sessions = []*session{r.session}
	case endEndpoint:
		sessions = w.sessionsOf(r)
	}
	for node := range w.nodes {
		chaser.number, chaser.node = 1000+100*r.number+10*node, node
		if after {
			chaser.number += 50
		}
		if r.verb == revoke {
			chaser.verb = verify
			again := chaser
			if w.chance.about("least").number(uint64(chaser.number)).percent(50) {
				again.least = revision
			}
			w.work.Go(func() { w.ask(again) })
		}
		for i, s := range sessions[max(0, len(sessions)-3):] {
			again := chaser
			again.number, again.verb, again.session = chaser.number+i+1, introspect, s
			w.work.Go(func() { w.ask(again) })
		}
	}
}

// outcomeOf is what the client knows. Whatever does not tell for sure leaves
// it open.
func outcomeOf(kind invariant.Kind, err error) invariant.Outcome {
	switch code := engine.CodeOf(err); {
	case err == nil:
		return invariant.Done
	case code == engine.CodeNotFound, code == engine.CodeConflict:
		return invariant.Refused
	case errors.Is(err, errNobody), kind == invariant.Get:
		return invariant.Failed
	default:
		return invariant.Unknown
	}
}
