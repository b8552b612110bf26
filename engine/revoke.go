package engine

import (
	"context"
	"time"
)

// Revocation answers a revoke. The receipt is never kept for repeated requests:
// it is as of each answer.
type Revocation struct {
	Credentials Credentials `cbor:"1,keyasint"`
	Enforcement Enforcement `cbor:"-"`

	fresh  bool // revoked just now
	notice bool // and a module is to be told
}

// unknownTimeout bounds how long a service may think about credentials of which
// the engine has no record, before they are revoked.
const unknownTimeout = 50 * time.Millisecond

// Revoke refuses credentials from now on, for good. Once it has returned, no
// node accepts them again (I1), except one that was asked for less than a
// strict answer: the receipt says when none does at all. Revoking again changes
// nothing. Credentials that neither the engine nor the service knows are
// CodeNotFound; when the service cannot say so at once, they are revoked all
// the same.
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
			if err := e.refuseUnknown(ctx, tx, caller, a, id); err != nil {
				return Revocation{}, err
			}
		}
		return e.revoke(ctx, tx, a, record, id, true)
	})
	return e.revoked(ctx, out, rev, app, id, err)
}

// revoked completes the answer with the revision and the receipt, and hurries
// the notice.
func (e *Engine) revoked(ctx context.Context, out Revocation, rev Revision, app ApplicationID, id CredentialsID, err error) (Revocation, error) {
	if err != nil {
		return Revocation{}, err
	}
	if out.Credentials.Version == 0 {
		out.Credentials.Version = rev
	}
	if out.notice {
		select {
		case e.notices <- noticeKey(app, id):
		default: // the timer finds it
		}
	}
	if out.Credentials.Status == Revoked {
		out.Enforcement = Enforcement{State: Pending, Revision: out.Credentials.revokedAt()}
		if !out.fresh || out.notice {
			out.Enforcement.notice, out.Enforcement.Notice = noticeKey(app, id), Pending
		}
		out.Enforcement = e.receipt(ctx, out.Enforcement, !out.fresh)
	}
	return out, nil
}

// refuseUnknown returns CodeNotFound when the service is sure not to know the
// credentials. A custom service that cannot say so at once does not stand in
// the way, nor does what it reads become part of the revocation.
func (e *Engine) refuseUnknown(ctx context.Context, tx *Tx, caller Caller, app *Application, id CredentialsID) error {
	if tx.first.Mode == ModeGuess {
		return ErrConflict // there may well be a record
	}
	if builtin, native := e.services.builtins[app.Service]; native {
		_, err := builtin.Lookup(ctx, tx, app, id)
		return err
	}
	asking := &Tx{store: e.store, caller: caller, first: Strict, app: app.ID}
	if err := asking.load(ctx, serviceKey(app.Service)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, unknownTimeout)
	defer cancel()
	lease, err := e.services.acquire(ctx, asking, app)
	if err == nil {
		defer lease.release()
		_, err = lease.lookup(ctx, asking, app, id)
	}
	if CodeOf(err) == CodeNotFound {
		return err
	}
	return nil
}

// revoke writes the revocation.
func (e *Engine) revoke(ctx context.Context, tx *Tx, app *Application, record Credentials, id CredentialsID, tell bool) (Revocation, error) {
	if record.Status == Revoked {
		return Revocation{Credentials: record}, nil
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
	out := Revocation{Credentials: record, fresh: true, notice: tell && !native}
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
	return e.revoked(ctx, out, rev, app, id, err)
}
