package engine

import (
	"context"
	"encoding/json"
	"time"
)

// Registration maps credentials to the endpoint that uses them, and holds the
// profile that an administrator bound to them. Without an EndpointID it waits
// for the first connection.
type Registration struct {
	CredentialsID  CredentialsID   `cbor:"1,keyasint"`
	EndpointID     EndpointID      `cbor:"2,keyasint,omitempty"`
	ProfileVersion int32           `cbor:"3,keyasint,omitempty"`
	Profile        json.RawMessage `cbor:"4,keyasint,omitempty"` // any JSON value; empty: none bound
	CreatedAt      time.Time       `cbor:"5,keyasint"`
	UpdatedAt      time.Time       `cbor:"6,keyasint"`

	Version Revision `cbor:"-"`
}

// Profile is what an administrator knows of an endpoint beforehand.
type Profile struct {
	Version int32
	Body    json.RawMessage
}

func decodeRegistration(r Record) (Registration, error) {
	v, err := decodedRegistrations.of(r)
	v.Version = r.Version
	return v, err
}

// registration returns the record, with the zero value when there is none.
func (tx *Tx) registration(ctx context.Context, app ApplicationID, id CredentialsID) (Registration, error) {
	r, err := tx.get(ctx, regKey(app, id))
	if err != nil || !r.Exists() {
		return Registration{}, err
	}
	return decodeRegistration(r)
}

// BindRegistration binds a profile to credentials, before or after the first
// connection; an endpoint that is registered stays so. Credentials must be
// known to the service (CodeNotFound) and not revoked (CodeConflict). Created
// tells whether there was no registration before.
func (e *Engine) BindRegistration(ctx context.Context, caller Caller, app ApplicationID, id CredentialsID, p Profile, ifMatch Revision) (reg Registration, created bool, err error) {
	if err := id.check(); err != nil {
		return reg, false, err
	}
	if err := p.check(); err != nil {
		return reg, false, err
	}
	reg, rev, err := mutate(ctx, e, caller, func(tx *Tx) (Registration, error) {
		if err := tx.load(ctx, appKey(caller.Tenant, app), credKey(app, id), regKey(app, id)); err != nil {
			return reg, err
		}
		a, err := tx.application(ctx, app)
		if err != nil {
			return reg, err
		}
		c, err := e.lookup(ctx, tx, a, id)
		if err != nil {
			return reg, err
		}
		if c.Status == Revoked {
			return reg, Errorf(CodeConflict, "these credentials were revoked, which is final: no profile can be bound to them")
		}
		reg, err := tx.registration(ctx, app, id)
		if err != nil {
			return reg, err
		}
		if err := checkMatch(ifMatch, reg.Version); err != nil {
			return reg, err
		}
		if created = reg.CredentialsID == ""; created {
			reg.CredentialsID, reg.CreatedAt = id, e.now()
		}
		reg.ProfileVersion, reg.Profile, reg.UpdatedAt = p.Version, p.Body, e.now()
		tx.audit("registration.bind", app, string(id))
		return reg, tx.save(regKey(app, id), reg)
	})
	reg.Version = rev
	return reg, created, err
}

func (p Profile) check() error {
	switch {
	case p.Version < 0:
		return Errorf(CodeInvalid, "profileVersion must not be negative").InField("/profileVersion")
	case len(p.Body) == 0:
		return Errorf(CodeInvalid, "the profile is missing: give any JSON value").InField("/profile")
	case len(p.Body) > MaxBodyBytes:
		return Errorf(CodeTooLarge, "the profile has %d bytes: at most %d are allowed", len(p.Body), MaxBodyBytes).InField("/profile")
	}
	return nil
}

// Registration returns the registration of credentials.
func (e *Engine) Registration(ctx context.Context, caller Caller, app ApplicationID, id CredentialsID) (Registration, error) {
	if err := id.check(); err != nil {
		return Registration{}, err
	}
	var reg Registration
	_, err := e.run(ctx, caller, Strict, func(tx *Tx) (err error) {
		reg, err = tx.existingRegistration(ctx, app, id)
		return err
	})
	return reg, err
}

func (tx *Tx) existingRegistration(ctx context.Context, app ApplicationID, id CredentialsID) (Registration, error) {
	if _, err := tx.application(ctx, app); err != nil {
		return Registration{}, err
	}
	reg, err := tx.registration(ctx, app, id)
	if err == nil && reg.CredentialsID == "" {
		err = Errorf(CodeNotFound, "nothing is registered for these credentials: bind a profile with PUT, or let the endpoint connect")
	}
	return reg, err
}

// DeleteRegistration removes the registration, which ends the sessions that were
// opened under it. The claim stays: no other
// endpoint can take the credentials over, and with a service that holds them
// as in use, the endpoint itself is refused until a registration is bound
// again.
func (e *Engine) DeleteRegistration(ctx context.Context, caller Caller, app ApplicationID, id CredentialsID, ifMatch Revision) error {
	if err := id.check(); err != nil {
		return err
	}
	_, err := e.run(ctx, caller, Strict, func(tx *Tx) error {
		reg, err := tx.existingRegistration(ctx, app, id)
		if err != nil {
			return err
		}
		if err := checkMatch(ifMatch, reg.Version); err != nil {
			return err
		}
		tx.delete(regKey(app, id))
		tx.deny(app)
		tx.audit("registration.delete", app, string(id)).Endpoint = reg.EndpointID
		return nil
	})
	return err
}
