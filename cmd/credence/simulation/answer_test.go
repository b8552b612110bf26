package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest/invariant"
)

// answer asks the engine, and writes down what it says.
func (p *process) answer(ctx context.Context, ops []invariant.Op, r request) error {
	op := &ops[0]
	app, id, who := op.App, op.Credentials, caller(apps[r.app].tenant)
	switch r.verb {
	case provision:
		out, err := p.Provision(ctx, who, app, engine.ProvisionRequest{ID: id, Body: []byte("key")})
		op.Created, op.Status, op.Owner, op.Revision = out.Created, out.Credentials.Status, out.Credentials.ClaimedBy, out.Credentials.Version
		if engine.CodeOf(err) == engine.CodeConflict {
			op.Status = engine.Revoked
		}
		return err
	case bulk:
		return p.bulk(ctx, ops, who)
	case verify:
		return p.verify(ctx, op, who, r)
	case revoke:
		out, err := p.Revoke(ctx, who, app, id)
		op.Status, op.Revision, op.Enforced = statusOf(err), out.Enforcement.Revision, out.Enforcement.State == engine.Enforced
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
	case introspect:
		out, err := p.Introspect(ctx, who, app, engine.IntrospectRequest{Token: r.session.token, Consistency: op.Consistency})
		op.Active, op.Revision, op.Detail = out.Active, out.Revision, string(out.Reason)
		return err
	case endSession:
		out, err := p.EndSession(ctx, who, app, r.session.id)
		op.Revision, op.Enforced = out.Revision, out.State == engine.Enforced
		return err
	case endEndpoint:
		out, err := p.EndSessions(ctx, who, app, op.Endpoint)
		op.Revision, op.Enforced = out.Revision, out.State == engine.Enforced
		return err
	case deploy:
		return swap(ctx, p.Engine, r.number)
	}
	return errors.New("no such verb: " + string(r.verb))
}

// statusOf is the status that an error tells of.
func statusOf(err error) engine.Status {
	if engine.CodeOf(err) == engine.CodeNotFound {
		return invariant.Absent
	}
	return ""
}

func (p *process) verify(ctx context.Context, op *invariant.Op, who engine.Caller, r request) error {
	ask := engine.VerifyRequest{CredentialsID: op.Credentials, EndpointID: op.Endpoint, Consistency: op.Consistency}
	if r.open {
		ask.SessionTTL = time.Hour
	}
	v, err := p.Verify(ctx, who, op.App, ask)
	op.Accepted, op.Revision = v.Accepted, v.Revision
	switch {
	case v.Credentials != nil:
		op.Status, op.Owner = v.Credentials.Status, v.Credentials.ClaimedBy
		if apps[r.app].service == swappedName {
			op.Service, op.Digest = swappedName, signedBy(*v.Credentials)
		}
	case v.Reason == engine.ReasonNotFound:
		op.Status = invariant.Absent
	}
	if v.Session != nil {
		op.Session = p.world.opened(r, *v.Session)
	}
	if err == nil && !v.Accepted {
		op.Detail = string(v.Reason)
	}
	return err
}

// bulk imports more than one transaction can hold, with the ids that the history
// follows at both ends.
func (p *process) bulk(ctx context.Context, ops []invariant.Op, who engine.Caller) error {
	var requests []engine.ProvisionRequest
	for i := range 52 {
		requests = append(requests, engine.ProvisionRequest{ID: engine.CredentialsID(fmt.Sprint("filler-", i)), Body: []byte("key")})
	}
	last := len(ops) - 1
	for i := range ops {
		r := engine.ProvisionRequest{ID: ops[i].Credentials, Body: []byte("key")}
		if i == last {
			requests = append(requests, r)
		} else {
			requests = slices.Insert(requests, 0, r)
		}
	}
	results, err := p.Import(ctx, who, ops[0].App, requests)
	if err != nil {
		return err
	}
	for i := range ops {
		at := slices.IndexFunc(results, func(r engine.Imported) bool { return r.ID == ops[i].Credentials })
		ops[i].Created = results[at].Created
		ops[i].Outcome = outcomeOf(invariant.Provision, results[at].Err)
		if results[at].Created {
			ops[i].Revision = results[at].Revision
		}
		if engine.CodeOf(results[at].Err) == engine.CodeConflict {
			ops[i].Status = engine.Revoked
		}
		if ops[i].Outcome == invariant.Unknown {
			err = results[at].Err
		}
	}
	return err
}
