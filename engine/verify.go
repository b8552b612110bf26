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
	// SessionTTL asks for a session of that length, in whole seconds, if the
	// endpoint is accepted. 0: none.
	SessionTTL time.Duration
}

// Verdict is a decision. It held at Revision, which is as recent as Consistency
// says: what was asked for, or Strict where the decision was committed or had
// to be made again.
type Verdict struct {
	Accepted     bool
	Reason       Reason // empty when accepted
	Detail       string // a service's words for operators; may be empty
	Credentials  *Credentials
	Registration *Registration
	Session      *OpenedSession // nil unless accepted and asked for
	Revision     Revision
	Consistency  Consistency
}

// Verify decides whether an endpoint may connect. A refusal is a Verdict; an
// error means that no decision could be reached, and the endpoint must not be
// let in.
//
// The first endpoint that is accepted claims the credentials, for good. The
// order is: the engine's own revocation, the service's lookup, the status, the
// proof, the claim, and once more the engine's own revocation. A proof that is
// given to a service which judges none is CodeUnsupported. A node that is out of
// touch with the others decides nothing.
//
// A session that is asked for is written in one transaction with the claim, if
// there is one, which checks all that the verdict was made of: with a session,
// an acceptance is strict, whatever consistency was asked for.
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
	if err := e.stillKept(r.Consistency); err != nil {
		return Verdict{}, err
	}
	session, err := e.prepareSession(ctx, r.SessionTTL)
	if err != nil {
		return Verdict{}, err
	}
	caller.Idempotency = nil // see Idempotency
	if err := e.fence.enter(ctx); err != nil {
		return Verdict{}, err
	}
	var verdict Verdict
	rev, err := e.run(ctx, caller, r.Consistency, func(tx *Tx) (err error) {
		if err := tx.load(ctx, appKey(caller.Tenant, app), credKey(app, r.CredentialsID), regKey(app, r.CredentialsID)); err != nil {
			return err
		}
		a, err := tx.application(ctx, app)
		if err != nil {
			return err
		}
		if verdict, err = e.verify(ctx, tx, a, r); err != nil {
			return err
		}
		if err := e.openSession(tx, app, &verdict, session); err != nil {
			return err
		}
		verdict.Consistency = tx.recency()
		return nil
	})
	if err != nil {
		return Verdict{}, err
	}
	verdict.settle(rev)
	if secondDenialCheck && verdict.Accepted {
		if err := e.lookAgain(ctx, app, r.CredentialsID, &verdict); err != nil {
			return Verdict{}, err
		}
	}
	if err := e.signSession(ctx, app, &verdict, session); err != nil {
		return Verdict{}, err
	}
	if err := e.fence.pass(); err != nil {
		return Verdict{}, err
	}
	return verdict, nil
}

// lookAgain refuses what was accepted if the credentials were revoked while the
// verdict was being reached, in a module for instance. It looks at what is at
// hand: a node says that it has carried out a revocation once that is at hand.
func (e *Engine) lookAgain(ctx context.Context, app ApplicationID, id CredentialsID, v *Verdict) error {
	denied, err := e.denied(ctx, app, id)
	if err != nil || denied == nil {
		return err
	}
	*v = Verdict{Reason: ReasonRevoked, Credentials: denied, Consistency: v.Consistency, Revision: max(v.Revision, denied.Version)}
	return nil
}

// denied returns the engine's record of credentials that are known here to be
// revoked, or else nil.
func (e *Engine) denied(ctx context.Context, app ApplicationID, id CredentialsID) (*Credentials, error) {
	snap, err := e.sinceAcknowledged(ctx, credKey(app, id))
	if err != nil || !snap.Records[0].Exists() {
		return nil, err
	}
	c, err := decodeCredentials(snap.Records[0])
	if err != nil || c.Status != Revoked {
		return nil, err
	}
	return &c, nil
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
	found, err := e.examine(ctx, tx, app, r.CredentialsID, r.EndpointID)
	defer found.lease.release()
	verdict := found.verdict
	if err != nil || !found.claim && !verdict.Accepted {
		return verdict, err
	}
	held := found.seen
	if found.answer.Body != nil { // what the service itself goes by
		held.Body = found.answer.Body
	}
	rejected, detail, err := found.lease.prove(ctx, tx, app, held, r.Proof)
	if err != nil {
		return Verdict{}, err
	}
	if rejected {
		tx.writes = nil
		verdict.Accepted, verdict.Reason, verdict.Detail = false, ReasonBadProof, detail
		return verdict, nil
	}
	if !found.claim {
		return verdict, nil
	}
	return e.claim(ctx, tx, app, found, r.EndpointID)
}

// finding is what was found out about credentials and an endpoint. The caller
// releases the lease, whatever the error.
type finding struct {
	lease        lease
	record       Credentials // of the engine
	answer       Credentials // of the service
	seen         Credentials // both
	registration Registration
	verdict      Verdict
	claim        bool // the endpoint may be accepted by claiming the credentials
}

// examine asks the engine's own records, then the service, and judges.
func (e *Engine) examine(ctx context.Context, tx *Tx, app *Application, id CredentialsID, endpoint EndpointID) (f *finding, err error) {
	tx.app, f = app.ID, &finding{}
	if f.record, err = tx.Credentials(ctx, id); err != nil {
		return f, err
	}
	if f.record.Status == Revoked { // outranks every service
		f.verdict = Verdict{Reason: ReasonRevoked, Credentials: &f.record}
		return f, nil
	}
	if f.lease, err = e.services.acquire(ctx, tx, app); err != nil {
		return f, err
	}
	if f.answer, err = f.lease.lookup(ctx, tx, app, id); err != nil {
		f.verdict, err = tx.refuse(err)
		return f, err
	}
	f.seen = f.record.with(f.answer)
	if f.registration, err = tx.registration(ctx, app.ID, id); err != nil {
		return f, err
	}
	f.verdict, f.claim = judge(f.answer.Status, &f.seen, &f.registration, endpoint, e.now())
	return f, nil
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
func (e *Engine) claim(ctx context.Context, tx *Tx, app *Application, f *finding, endpoint EndpointID) (Verdict, error) {
	record, seen, reg := f.record, f.seen, f.registration
	err := f.lease.MarkInUse(ctx, tx, app, seen.ID)
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
