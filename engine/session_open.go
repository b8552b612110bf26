package engine

import (
	"context"
	"time"
)

// OpenedSession is a session with the token that its endpoint shows.
type OpenedSession struct {
	Session
	Token string
}

// opening is a session that a verification is to open, if it accepts.
type opening struct {
	ttl    time.Duration
	signer signer
}

// prepareSession settles all that could refuse a session before anything is
// written: once the verdict has committed, the token is only signed.
func (e *Engine) prepareSession(ctx context.Context, ttl time.Duration) (*opening, error) {
	if ttl == 0 {
		return nil, nil
	}
	if err := e.sessions.checkTTL(ttl); err != nil {
		return nil, err
	}
	signer, err := e.sessionSigner(ctx)
	return &opening{ttl: ttl, signer: signer}, err
}

// openSession writes a session into the unit of work of the verdict that
// accepts its endpoint. The commit checks all that was read for the verdict, so
// that no session is born after a revocation, whatever the consistency of the
// reads was (I4).
func (e *Engine) openSession(tx *Tx, app ApplicationID, v *Verdict, o *opening) error {
	if o == nil || !v.Accepted {
		return nil
	}
	now := e.now()
	s := Session{
		ID: newSessionID(v.Credentials.ID), CredentialsID: v.Credentials.ID, EndpointID: v.Registration.EndpointID,
		RegisteredAt: v.Registration.CreatedAt, CreatedAt: now,
		ExpiresAt: now.Add(o.ttl + time.Second - 1).Truncate(time.Second),
		OpenedBy:  tx.caller.User, Node: e.self.node.ID,
	}
	v.Session = &OpenedSession{Session: s}
	if tx.entry == nil { // no claim
		tx.audit("session.open", app, string(s.CredentialsID))
	}
	tx.entry.Endpoint, tx.entry.Session = s.EndpointID, s.ID
	tx.expires(sessionKey(app, s.ID), s.ExpiresAt)
	if !sessionInVerdict {
		return nil
	}
	return tx.save(sessionKey(app, s.ID), s)
}

// signSession completes an opened session once its revision is known.
func (e *Engine) signSession(ctx context.Context, app ApplicationID, v *Verdict, o *opening) (err error) {
	if v.Session == nil {
		return nil
	}
	v.Session.Version = v.Revision
	if !sessionInVerdict {
		if err := e.publishSession(ctx, app, v.Session); err != nil {
			return err
		}
	}
	v.Session.Token, err = o.signer.sign(e.sessions.Issuer, app, &v.Session.Session)
	return err
}

// publishSession writes a session in a commit of its own; see sessionInVerdict.
func (e *Engine) publishSession(ctx context.Context, app ApplicationID, s *OpenedSession) error {
	value, err := encode(s.Session)
	if err != nil {
		return err
	}
	s.Version, err = e.store.Commit(ctx, Commit{Writes: []Write{{Key: sessionKey(app, s.ID), Value: value}}})
	return err
}
