package engine

import (
	"context"
	"errors"
)

// EnforcementState says how far a revocation has come.
type EnforcementState string

// Enforced says that no node accepts the credentials, and that no session of
// theirs is left.
const Enforced EnforcementState = "ENFORCED"

// Enforcement is the receipt of a revocation: from Revision on it holds. While
// every node reads the store for each decision, it holds on all of them as
// soon as it has committed. Without a State nothing was revoked.
type Enforcement struct {
	State    EnforcementState `cbor:"1,keyasint"`
	Revision Revision         `cbor:"-"`
}

// Revocation answers a revoke.
type Revocation struct {
	Credentials Credentials `cbor:"1,keyasint"`
	Enforcement Enforcement `cbor:"2,keyasint"`

	notice bool // a module waits to be told
}

// Revoke refuses credentials from now on, for good. Once it has returned, no
// node accepts them again (I1). Revoking again changes nothing. Credentials
// that neither the engine nor the service knows are CodeNotFound; when the
// service cannot say, they are revoked all the same.
//
// No module stands in the way: a custom service is told after the revocation
// has committed, again and again until it has heard.
func (e *Engine) Revoke(ctx context.Context, caller Caller, app ApplicationID, id CredentialsID) (Revocation, error) {
	if err := id.check(); err != nil {
		return Revocation{}, err
	}
	out, rev, err := mutate(ctx, e, caller, func(tx *Tx) (Revocation, error) {
		if err := tx.load(ctx, appKey(caller.Tenant, app), credKey(app, id)); err != nil {
			return Revocation{}, err
		}
		a, err := tx.application(ctx, app)
		if err != nil {
			return Revocation{}, err
		}
		tx.app = app
		record, err := tx.Credentials(ctx, id)
		if err != nil {
			return Revocation{}, err
		}
		if record.ID == "" {
			if err := e.refuseUnknown(ctx, tx, a, id); err != nil {
				return Revocation{}, err
			}
		}
		return e.revoke(ctx, tx, a, record, id, true)
	})
	return e.revoked(out, rev, app, id, err)
}

// revoked completes the answer with the revision, and hurries the notice.
func (e *Engine) revoked(out Revocation, rev Revision, app ApplicationID, id CredentialsID, err error) (Revocation, error) {
	if err != nil {
		return Revocation{}, err
	}
	if out.Credentials.Version == 0 {
		out.Credentials.Version = rev
	}
	if out.Enforcement.State != "" {
		out.Enforcement.Revision = out.Credentials.Version
	}
	if out.notice {
		select {
		case e.notices <- noticeKey(app, id):
		default: // the timer finds it
		}
	}
	return out, nil
}

// refuseUnknown returns CodeNotFound when the service is sure not to know the
// credentials. A service that cannot say does not stand in the way.
func (e *Engine) refuseUnknown(ctx context.Context, tx *Tx, app *Application, id CredentialsID) error {
	lease, err := e.services.acquire(ctx, tx, app)
	if err == nil {
		defer lease.release()
		_, err = lease.lookup(ctx, tx, app, id)
		tx.writes = nil
	}
	if CodeOf(err) == CodeNotFound || errors.Is(err, ErrConflict) {
		return err
	}
	return nil
}

// revoke writes the revocation.
func (e *Engine) revoke(ctx context.Context, tx *Tx, app *Application, record Credentials, id CredentialsID, tell bool) (Revocation, error) {
	if record.Status == Revoked {
		return Revocation{Credentials: record, Enforcement: Enforcement{State: Enforced}}, nil
	}
	if record.ID == "" {
		record = Credentials{ID: id, CreatedAt: e.now()}
	}
	record.Status, record.UpdatedAt, record.Version = Revoked, e.now(), 0
	builtin, native := e.services.builtins[app.Service]
	switch {
	case native:
		if err := builtin.MarkRevoked(ctx, tx, app, id); err != nil {
			return Revocation{}, err
		}
	case tell:
		tx.put(noticeKey(app.ID, id), []byte(app.Tenant))
	}
	tx.deny(app.ID)
	tx.audit("credentials.revoke", app.ID, string(id)).Endpoint = record.ClaimedBy
	out := Revocation{Credentials: record, Enforcement: Enforcement{State: Enforced}, notice: tell && !native}
	return out, tx.save(credKey(app.ID, id), record)
}

// Recheck asks the service about credentials whose external registry says that
// they are revoked, and revokes them if the service agrees. The answer's
// status tells.
func (e *Engine) Recheck(ctx context.Context, caller Caller, app ApplicationID, id CredentialsID) (Revocation, error) {
	if err := id.check(); err != nil {
		return Revocation{}, err
	}
	out, rev, err := mutate(ctx, e, caller, func(tx *Tx) (Revocation, error) {
		a, err := tx.application(ctx, app)
		if err != nil {
			return Revocation{}, err
		}
		seen, err := e.lookup(ctx, tx, a, id)
		if err != nil || seen.Status != Revoked {
			return Revocation{Credentials: seen}, err
		}
		record, err := tx.Credentials(ctx, id)
		if err != nil {
			return Revocation{}, err
		}
		return e.revoke(ctx, tx, a, record, id, false)
	})
	return e.revoked(out, rev, app, id, err)
}
