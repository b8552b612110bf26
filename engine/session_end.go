package engine

import "context"

// EndSession ends one session. One that is not open is CodeNotFound.
func (e *Engine) EndSession(ctx context.Context, caller Caller, app ApplicationID, id SessionID) (Enforcement, error) {
	if !sessionIDForm.MatchString(string(id)) {
		return Enforcement{}, noSession(id)
	}
	out, rev, err := mutate(ctx, e, caller, func(tx *Tx) (Enforcement, error) {
		key := sessionKey(app, id)
		if err := tx.load(ctx, appKey(caller.Tenant, app), key); err != nil {
			return Enforcement{}, err
		}
		if _, err := tx.application(ctx, app); err != nil {
			return Enforcement{}, err
		}
		s, err := tx.session(ctx, app, id)
		if err != nil {
			return Enforcement{}, err
		}
		if s.Version == 0 || !e.now().Before(s.ExpiresAt) {
			return Enforcement{}, noSession(id)
		}
		tx.delete(key)
		entry := tx.audit("session.end", app, string(s.CredentialsID))
		entry.Endpoint, entry.Session = s.EndpointID, id
		tx.deny(app)
		return Enforcement{State: Enforced}, nil
	})
	out.Revision = rev
	return out, err
}

// EndSessions ends all sessions that an endpoint has, however many there are,
// with one write. It does not keep the endpoint from opening another one: that
// is what revoking its credentials does.
func (e *Engine) EndSessions(ctx context.Context, caller Caller, app ApplicationID, endpoint EndpointID) (Enforcement, error) {
	if err := endpoint.check(); err != nil {
		return Enforcement{}, err
	}
	out, rev, err := mutate(ctx, e, caller, func(tx *Tx) (Enforcement, error) {
		if _, err := tx.application(ctx, app); err != nil {
			return Enforcement{}, err
		}
		now := e.now()
		key := endedKey(app, endpoint)
		tx.expires(key, now.Add(markKept))
		tx.audit("endpoint.end_sessions", app, string(endpoint)).Endpoint = endpoint
		tx.deny(app)
		return Enforcement{State: Enforced}, tx.save(key, endedMark{At: now, User: caller.User})
	})
	out.Revision = rev
	return out, err
}
