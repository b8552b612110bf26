package engine

import (
	"context"
	"slices"
)

// Session returns an open session. Whether its endpoint would still be accepted
// in all respects, [Engine.Introspect] says.
func (e *Engine) Session(ctx context.Context, caller Caller, app ApplicationID, id SessionID) (Session, error) {
	if !sessionIDForm.MatchString(string(id)) {
		return Session{}, noSession(id)
	}
	var s Session
	_, err := e.run(ctx, caller, Strict, func(tx *Tx) (err error) {
		if err = tx.load(ctx, appKey(caller.Tenant, app), sessionKey(app, id)); err != nil {
			return err
		}
		if _, err = tx.application(ctx, app); err != nil {
			return err
		}
		if s, err = tx.session(ctx, app, id); err != nil {
			return err
		}
		if s.Version == 0 {
			return noSession(id)
		}
		open, err := e.openOnly(ctx, app, []Session{s}, AsOf(tx.snapshot))
		if err == nil && len(open) == 0 {
			err = noSession(id)
		}
		return tx.lost(err)
	})
	return s, err
}

// SessionsOf lists the open sessions of an application. The filter
// "credentialsId" keeps those of credentials, and reads nothing else;
// "endpointId" keeps those of an endpoint. A page may hold fewer than were
// asked for.
func (e *Engine) SessionsOf(ctx context.Context, caller Caller, app ApplicationID, o ListOptions) (List[Session], error) {
	keep, err := filterBy(o, map[string]func(*Session, string) bool{
		"credentialsId": func(s *Session, v string) bool { return string(s.CredentialsID) == v },
		"endpointId":    func(s *Session, v string) bool { return string(s.EndpointID) == v },
	})
	if err != nil {
		return List[Session]{}, err
	}
	if _, err := e.Application(ctx, caller, app); err != nil {
		return List[Session]{}, err
	}
	prefixes := shardPrefixes("session", app)
	for _, f := range o.Filters {
		if f.Field == "credentialsId" {
			prefixes = []string{sessionPrefix(app, CredentialsID(f.Value))}
		}
	}
	list, err := listRecords(ctx, e, o, prefixes, decodeSession, keep)
	if err != nil {
		return List[Session]{}, err
	}
	list.Items, err = e.openOnly(ctx, app, list.Items, AsOf(list.Revision))
	return list, err
}

// openOnly drops the sessions that are over, and those of revoked credentials.
func (e *Engine) openOnly(ctx context.Context, app ApplicationID, sessions []Session, at Consistency) ([]Session, error) {
	const each = 3 // keys of a session
	open := make([]Session, 0, len(sessions))
	now := e.now()
	for some := range slices.Chunk(sessions, MaxCommitChecks/each) {
		keys := make([]string, 0, each*len(some))
		for _, s := range some {
			keys = append(keys, endedKey(app, s.EndpointID), regKey(app, s.CredentialsID), credKey(app, s.CredentialsID))
		}
		snap, err := e.store.Read(ctx, at, keys...)
		if err != nil {
			return nil, err
		}
		for i, s := range some {
			of := snap.Records[each*i:]
			live, err := s.open(of[0], of[1], of[2], now)
			if err != nil {
				return nil, err
			}
			if live {
				open = append(open, s)
			}
		}
	}
	return open, nil
}
