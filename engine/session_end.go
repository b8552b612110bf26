package engine

import "context"

// EndSession ends one session. One that is not open is CodeNotFound.
func (e *Engine) EndSession(ctx context.Context, caller Caller, app ApplicationID, id SessionID) (Enforcement, error) {
	if !sessionIDForm.MatchString(string(id)) {
		return Enforcement{}, noSession(id)
	}
	_, rev, err := mutate(ctx, e, caller, func(tx *Tx) (ended struct{}, err error) {
		key := sessionKey(app, id)
		if err := tx.load(ctx, appKey(caller.Tenant, app), key); err != nil {
			return ended, err
		}
		if _, err := tx.application(ctx, app); err != nil {
			return ended, err
		}
		s, err := tx.session(ctx, app, id)
		if err != nil {
			return ended, err
		}
		if s.Version == 0 || !e.now().Before(s.ExpiresAt) {
			return ended, noSession(id)
		}
		tx.delete(key)
		entry := tx.audit("session.end", app, string(s.CredentialsID))
		entry.Endpoint, entry.Session = s.EndpointID, id
		tx.deny(app)
		return ended, nil
	})
	if err != nil {
		return Enforcement{}, err
	}
	return e.receipt(ctx, Enforcement{State: Pending, Revision: rev}, false), nil
}

// EndSessions ends all sessions that an endpoint has, however many there are,
// with one write. It does not keep the endpoint from opening another one: that
// is what revoking its credentials does.
func (e *Engine) EndSessions(ctx context.Context, caller Caller, app ApplicationID, endpoint EndpointID) (Enforcement, error) {
	if err := endpoint.check(); err != nil {
		return Enforcement{}, err
	}
	_, rev, err := mutate(ctx, e, caller, func(tx *Tx) (ended struct{}, err error) {
		if _, err := tx.application(ctx, app); err != nil {
			return ended, err
		}
		now := e.now()
		key := endedKey(app, endpoint)
		tx.expires(key, now.Add(markKept))
		tx.audit("endpoint.end_sessions", app, string(endpoint)).Endpoint = endpoint
		tx.deny(app)
		return ended, tx.save(key, endedMark{At: now, User: caller.User})
	})
	if err != nil {
		return Enforcement{}, err
	}
	return e.receipt(ctx, Enforcement{State: Pending, Revision: rev}, false), nil
}
