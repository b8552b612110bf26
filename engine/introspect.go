package engine

import (
	"context"
	"time"
)

// Reasons for which a session is not active; the others are those of a
// verification.
const (
	ReasonBadToken       Reason = "BAD_TOKEN"       // no token of this application that a key of this deployment has signed
	ReasonSessionEnded   Reason = "SESSION_ENDED"   // it was ended, or its registration was deleted
	ReasonSessionExpired Reason = "SESSION_EXPIRED" // its time is over
)

// IntrospectRequest asks whether a token stands for an active session.
type IntrospectRequest struct {
	Token       string
	Consistency Consistency
}

// Introspection is the judgement of a token. It held at Revision, which is as
// recent as Consistency says; see [Verdict].
type Introspection struct {
	Active   bool
	Reason   Reason   // empty when active
	Detail   string   // for operators; may be empty
	Session  *Session // nil when there is no record of it
	Revision Revision

	Consistency Consistency
}

// Introspect judges a token: the signature, the session, and all that a
// verification of its endpoint would go by, except that nothing is proved or
// claimed again. A token that is refused is an Introspection; an error means
// that no decision could be reached.
func (e *Engine) Introspect(ctx context.Context, caller Caller, app ApplicationID, r IntrospectRequest) (Introspection, error) {
	caller.Idempotency = nil // see Idempotency
	if err := e.stillKept(r.Consistency); err != nil {
		return Introspection{}, err
	}
	if err := e.fence.enter(ctx); err != nil {
		return Introspection{}, err
	}
	t, refusal := parseToken(r.Token)
	var out Introspection
	rev, err := e.run(ctx, caller, r.Consistency, func(tx *Tx) (err error) {
		keys := []string{appKey(caller.Tenant, app)}
		if refusal == nil {
			c := &t.claims
			keys = append(keys, jwtKeyKey(t.kid), sessionKey(app, c.session()), endedKey(app, c.endpoint()),
				credKey(app, c.Credentials), regKey(app, c.Credentials))
		}
		if err := tx.load(ctx, keys...); err != nil {
			return err
		}
		a, err := tx.application(ctx, app)
		if err != nil {
			return err
		}
		if refusal != nil {
			out = Introspection{Reason: ReasonBadToken, Detail: refusal.Error()}
		} else if out, err = e.introspect(ctx, tx, a, t); err != nil {
			return err
		}
		out.Consistency = tx.recency()
		return nil
	})
	if err != nil {
		return Introspection{}, err
	}
	out.Revision = rev
	if secondDenialCheck && out.Active {
		if err := e.lookAgainAtSession(ctx, app, &out); err != nil {
			return Introspection{}, err
		}
	}
	if err := e.fence.pass(); err != nil {
		return Introspection{}, err
	}
	return out, nil
}

// lookAgainAtSession is lookAgain for what ends sessions.
func (e *Engine) lookAgainAtSession(ctx context.Context, app ApplicationID, out *Introspection) error {
	s := out.Session
	keys := []string{sessionKey(app, s.ID), credKey(app, s.CredentialsID), regKey(app, s.CredentialsID), endedKey(app, s.EndpointID)}
	snap, err := e.sinceAcknowledged(ctx, keys...)
	if err != nil {
		return err
	}
	session, cred, reg, mark := snap.Records[0], snap.Records[1], snap.Records[2], snap.Records[3]
	open, err := s.open(mark, reg, cred, e.now())
	switch {
	case err != nil:
		return err
	case open && session.Exists():
		return nil
	}
	out.Active, out.Reason = false, ReasonSessionEnded
	if c, err := decodeCredentials(cred); err == nil && c.Status == Revoked {
		out.Reason = ReasonRevoked
	}
	return nil
}

func (e *Engine) introspect(ctx context.Context, tx *Tx, app *Application, t parsedToken) (Introspection, error) {
	key, err := tx.get(ctx, jwtKeyKey(t.kid))
	if err != nil {
		return Introspection{}, err
	}
	if err := t.verify(key, e.sessions.Issuer, app.ID); err != nil {
		return Introspection{Reason: ReasonBadToken, Detail: err.Error()}, nil
	}
	s, err := tx.session(ctx, app.ID, t.claims.session())
	if err != nil {
		return Introspection{}, err
	}
	if s.Version == 0 { // ended, or swept after it had expired
		reason := ReasonSessionEnded
		if !e.now().Before(t.claims.Expiry.Time()) {
			reason = ReasonSessionExpired
		}
		detail := ""
		if e.witness(t.claims.Version) {
			detail = "the session was opened after the backup that the state was restored from"
		}
		return Introspection{Reason: reason, Detail: detail}, nil
	}
	out := Introspection{Session: &s}
	mark, err := tx.get(ctx, endedKey(app.ID, s.EndpointID))
	if err != nil {
		return Introspection{}, err
	}
	found, err := e.examine(ctx, tx, app, s.CredentialsID, s.EndpointID)
	defer found.lease.release()
	if err != nil {
		return Introspection{}, err
	}
	out.Reason, out.Detail = s.standing(mark, found, e.now())
	out.Active = out.Reason == ""
	return out, nil
}

// standing says why a session is not active, revocation first. The session is
// no more than the verdict that it was opened by: what would not be accepted
// now as it is, without a claim, has ended it.
func (s *Session) standing(mark Record, f *finding, now time.Time) (Reason, string) {
	if f.verdict.Reason == ReasonRevoked {
		return ReasonRevoked, f.verdict.Detail
	}
	if over := s.over(mark, &f.registration, now); over != "" {
		return over, ""
	}
	return f.verdict.Reason, f.verdict.Detail
}
