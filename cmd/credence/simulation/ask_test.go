package simulation

import (
	"context"
	"errors"
	"time"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest/invariant"
)

// kinds are what the history calls the verbs; of the others it needs not know.
var kinds = map[verb]invariant.Kind{
	provision: invariant.Provision, verify: invariant.Verify, revoke: invariant.Revoke, lookup: invariant.Get,
}

// ask sends a request to its node and notes what comes of it.
func (w *world) ask(r request) {
	n := w.nodes[r.node]
	ctx, cancel := context.WithTimeout(context.Background(), r.patience)
	defer cancel()
	op := invariant.Op{
		Kind: kinds[r.verb], Client: r.number, Node: string(n.id()), App: w.apps[r.app],
		Credentials: idOf(r.id), Endpoint: endpointOf(r.endpoint),
	}
	if r.verb == verify && r.weak {
		op.Consistency = engine.Bounded(100 * time.Millisecond)
	}
	asked := w.record.Invoke(op)
	if n.awake(ctx) {
		time.Sleep(w.chance.about("awake").number(uint64(r.number)).between(0, time.Millisecond))
	}
	p := n.process()
	if p == nil {
		w.record.Return(asked, func(op *invariant.Op) { op.Outcome = invariant.Failed })
		return // nobody is there
	}
	defer context.AfterFunc(p.life, cancel)()
	err := p.answer(ctx, &op, r.verb)
	if p.life.Err() != nil { // the answer died with the process
		op, err = invariant.Op{Kind: op.Kind}, context.Canceled
	}
	op.Outcome = outcomeOf(op, err)
	if err != nil {
		op.Detail = err.Error()
	}
	w.record.Return(asked, func(noted *invariant.Op) {
		op.Invoked, op.Returned = noted.Invoked, noted.Returned
		op.Client, op.Node, op.App, op.Credentials, op.Endpoint = noted.Client, noted.Node, noted.App, noted.Credentials, noted.Endpoint
		*noted = op
	})
	op.Invoked, op.Returned = op.Invoked.Truncate(time.Microsecond), op.Returned.Truncate(time.Microsecond)
	w.tell("#%d %s %s", r.number, r.verb, op.String())
	if r.verb == revoke && op.Outcome == invariant.Done {
		w.chase(r)
	}
}

// chase asks every node about what was just revoked.
func (w *world) chase(r request) {
	for i := range w.nodes {
		w.work.Go(func() {
			w.ask(request{
				number: 1000 + 10*r.number + i, verb: verify, app: r.app, id: r.id, node: i,
				endpoint: r.endpoint, patience: time.Second,
			})
		})
	}
}

// outcomeOf is what the client knows. Whatever does not tell for sure leaves
// it open.
func outcomeOf(op invariant.Op, err error) invariant.Outcome {
	switch code := engine.CodeOf(err); {
	case err == nil:
		return invariant.Done
	case code == engine.CodeNotFound, code == engine.CodeConflict:
		return invariant.Refused
	case op.Kind == invariant.Get:
		return invariant.Failed
	default:
		return invariant.Unknown
	}
}

// statusOf is the status that an error tells of.
func statusOf(err error) engine.Status {
	if engine.CodeOf(err) == engine.CodeNotFound {
		return invariant.Absent
	}
	return ""
}

// answer asks the engine, and writes down what it says.
func (p *process) answer(ctx context.Context, op *invariant.Op, v verb) error {
	app, id, who := op.App, op.Credentials, caller(tenantOf(p.world, op.App))
	switch v {
	case provision:
		out, err := p.Provision(ctx, who, app, engine.ProvisionRequest{ID: id, Body: []byte("key")})
		op.Created, op.Status, op.Owner, op.Revision = out.Created, out.Credentials.Status, out.Credentials.ClaimedBy, out.Credentials.Version
		if engine.CodeOf(err) == engine.CodeConflict {
			op.Status = engine.Revoked
		}
		return err
	case verify:
		return p.verify(ctx, op, who)
	case revoke:
		_, err := p.Revoke(ctx, who, app, id)
		op.Status = statusOf(err)
		return err
	case bind:
		_, _, err := p.BindRegistration(ctx, who, app, id, engine.Profile{Body: []byte("{}")}, 0)
		return err
	case patch:
		value := "v"
		_, err := p.UpdateCredentials(ctx, who, app, id, engine.CredentialsPatch{Labels: map[string]*string{"label": &value}}, 0)
		return err
	case lookup:
		c, err := p.Credentials(ctx, who, app, id)
		op.Status, op.Owner = c.Status, c.ClaimedBy
		if err != nil {
			op.Status = statusOf(err)
		}
		return err
	}
	return errors.New("no such verb: " + string(v))
}

func (p *process) verify(ctx context.Context, op *invariant.Op, who engine.Caller) error {
	v, err := p.Verify(ctx, who, op.App, engine.VerifyRequest{
		CredentialsID: op.Credentials, EndpointID: op.Endpoint, Consistency: op.Consistency,
	})
	op.Accepted, op.Revision = v.Accepted, v.Revision
	switch {
	case v.Credentials != nil:
		op.Status, op.Owner = v.Credentials.Status, v.Credentials.ClaimedBy
	case v.Reason == engine.ReasonNotFound:
		op.Status = invariant.Absent
	}
	if err == nil && !v.Accepted {
		op.Detail = string(v.Reason)
	}
	return err
}
