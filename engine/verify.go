package engine

import (
	"context"
	"time"
)

// Reason says why an endpoint was refused. It is for operators and gateways,
// never for devices.
type Reason string

// The reasons.
const (
	ReasonNotFound    Reason = "NOT_FOUND"         // the service does not know the credentials
	ReasonRevoked     Reason = "REVOKED"           // they were revoked
	ReasonInUse       Reason = "IN_USE"            // they belong to another endpoint
	ReasonExpired     Reason = "EXPIRED"           // now is outside their validity
	ReasonDenied      Reason = "DENIED_BY_SERVICE" // the service refused, see Detail
	ReasonKeyMismatch Reason = "KEY_MISMATCH"      // the presented key does not hash to the id
	ReasonBadProof    Reason = "BAD_PROOF"         // the proof of possession does not hold, or is missing
)

// VerifyRequest asks whether an endpoint may connect.
type VerifyRequest struct {
	CredentialsID CredentialsID
	EndpointID    EndpointID // empty: the credentials id
	PublicKey     []byte     // nil: not presented; else it must hash to the id
	Proof         *Proof     // nil: none is given; else the service must find that it holds
	Consistency   Consistency
}

// Verdict is a decision. It held at Revision.
type Verdict struct {
	Accepted     bool
	Reason       Reason // empty when accepted
	Detail       string // a service's words for operators; may be empty
	Credentials  *Credentials
	Registration *Registration
	Revision     Revision
}

// Verify decides whether an endpoint may connect. A refusal is a Verdict; an
// error means that no decision could be reached, and the endpoint must not be
// let in.
//
// The first endpoint that is accepted claims the credentials, for good. The
// order is: the engine's own revocation, the service's lookup, the status, the
// proof, the claim. A proof that is given to a service which judges none is
// CodeUnsupported.
func (e *Engine) Verify(ctx context.Context, caller Caller, app ApplicationID, r VerifyRequest) (Verdict, error) {
	if r.EndpointID == "" {
		r.EndpointID = EndpointID(r.CredentialsID)
	}
	if err := r.CredentialsID.check(); err != nil {
		return Verdict{}, err
	}
	if err := r.EndpointID.check(); err != nil {
		return Verdict{}, err
	}
	if err := r.Proof.check(); err != nil {
		return Verdict{}, err
	}
	caller.Idempotency = nil // see Idempotency
	var verdict Verdict
	rev, err := e.run(ctx, caller, r.Consistency, func(tx *Tx) (err error) {
		if err := tx.load(ctx, appKey(caller.Tenant, app), credKey(app, r.CredentialsID), regKey(app, r.CredentialsID)); err != nil {
			return err
		}
		a, err := tx.application(ctx, app)
		if err != nil {
			return err
		}
		verdict, err = e.verify(ctx, tx, a, r)
		return err
	})
	if err != nil {
		return Verdict{}, err
	}
	verdict.settle(rev)
	return verdict, nil
}

// settle fills in the revision at which the verdict holds, and the version of
// the records that it wrote.
func (v *Verdict) settle(rev Revision) {
	v.Revision = rev
	if v.Credentials != nil && v.Credentials.Version == 0 {
		v.Credentials.Version = rev
	}
	if v.Registration != nil && v.Registration.Version == 0 {
		v.Registration.Version = rev
	}
}

func (e *Engine) verify(ctx context.Context, tx *Tx, app *Application, r VerifyRequest) (Verdict, error) {
	if r.PublicKey != nil && !app.IDScheme.matches(r.CredentialsID, r.PublicKey) {
		return Verdict{Reason: ReasonKeyMismatch}, nil
	}
	tx.app = app.ID
	record, err := tx.Credentials(ctx, r.CredentialsID)
	if err != nil {
		return Verdict{}, err
	}
	if record.Status == Revoked { // outranks every service
		return Verdict{Reason: ReasonRevoked, Credentials: &record}, nil
	}
	lease, err := e.services.acquire(ctx, tx, app)
	if err != nil {
		return Verdict{}, err
	}
	defer lease.release()
	answer, err := lease.lookup(ctx, tx, app, r.CredentialsID)
	if err != nil {
		return tx.refuse(err)
	}
	seen := record.with(answer)
	reg, err := tx.registration(ctx, app.ID, r.CredentialsID)
	if err != nil {
		return Verdict{}, err
	}
	verdict, claim := judge(answer.Status, &seen, &reg, r.EndpointID, e.now())
	if !claim && !verdict.Accepted {
		return verdict, nil
	}
	held := seen
	if answer.Body != nil { // what the service itself goes by
		held.Body = answer.Body
	}
	rejected, detail, err := lease.prove(ctx, tx, app, held, r.Proof)
	if err != nil {
		return Verdict{}, err
	}
	if rejected {
		tx.writes = nil
		verdict.Accepted, verdict.Reason, verdict.Detail = false, ReasonBadProof, detail
		return verdict, nil
	}
	if !claim {
		return verdict, nil
	}
	return e.claim(ctx, tx, app, lease, record, seen, reg, r.EndpointID)
}

// judge applies the rules of verification to the status that the service gave
// and to what the engine has recorded. claim tells that the endpoint may be
// accepted by claiming the credentials.
func judge(status Status, c *Credentials, reg *Registration, endpoint EndpointID, now time.Time) (v Verdict, claim bool) {
	v.Credentials = c
	if reg.CredentialsID != "" {
		v.Registration = reg
	}
	switch {
	case status == Revoked:
		v.Reason = ReasonRevoked
	case !c.NotAfter.IsZero() && !now.Before(c.NotAfter):
		v.Reason, v.Detail = ReasonExpired, "valid until "+c.NotAfter.Format(time.RFC3339)
	case now.Before(c.NotBefore):
		v.Reason, v.Detail = ReasonExpired, "not valid before "+c.NotBefore.Format(time.RFC3339)
	case c.ClaimedBy != "" && c.ClaimedBy != endpoint, reg.EndpointID != "" && reg.EndpointID != endpoint:
		v.Reason = ReasonInUse
	case reg.EndpointID == endpoint:
		v.Accepted = true
	case status == Available, c.ClaimedBy == endpoint && reg.CredentialsID != "":
		claim = true
	default: // in use, by nobody whom the engine has registered
		v.Reason = ReasonInUse
	}
	return v, claim
}

// claim makes the endpoint the one that the credentials belong to.
func (e *Engine) claim(ctx context.Context, tx *Tx, app *Application, service lease, record, seen Credentials, reg Registration, endpoint EndpointID) (Verdict, error) {
	err := service.MarkInUse(ctx, tx, app, seen.ID)
	if err != nil && CodeOf(err) != CodeUnsupported {
		return tx.refuse(err)
	}
	now := e.now()
	if record.ID == "" {
		record = Credentials{ID: seen.ID, CreatedAt: now}
	}
	record.Status, record.ClaimedBy, record.UpdatedAt = InUse, endpoint, now
	if reg.CredentialsID == "" {
		reg = Registration{CredentialsID: seen.ID, CreatedAt: now}
	}
	reg.EndpointID, reg.UpdatedAt = endpoint, now
	tx.audit("credentials.claim", app.ID, string(seen.ID)).Endpoint = endpoint
	if err := tx.save(credKey(app.ID, seen.ID), record); err != nil {
		return Verdict{}, err
	}
	if err := tx.save(regKey(app.ID, seen.ID), reg); err != nil {
		return Verdict{}, err
	}
	seen.Status, seen.ClaimedBy, seen.UpdatedAt = InUse, endpoint, now
	seen.Version, reg.Version = 0, 0 // of this commit
	return Verdict{Accepted: true, Credentials: &seen, Registration: &reg}, nil
}

// refuse turns a service's refusal into a verdict, and drops what the service
// wrote; errors, by which no decision was reached, stay errors.
func (tx *Tx) refuse(err error) (Verdict, error) {
	tx.writes = nil
	e, ok := asError(err)
	if !ok {
		return Verdict{}, err
	}
	switch e.Code {
	case CodeNotFound:
		return Verdict{Reason: ReasonNotFound}, nil
	case CodeDenied, CodeConflict:
		return Verdict{Reason: ReasonDenied, Detail: e.Message}, nil
	default:
		return Verdict{}, err
	}
}
