package engine

import (
	"context"
	"fmt"
	"time"
)

// AuditEntry says who did what. It is written in the same commit as the change
// that it tells of (invariant I7), and its key doubles as the commit's marker.
// Events are made of entries and of nothing else, so what the stream of events
// needs to say of a change stands here.
//
// An entry is of one application, or of the platform when Application is
// empty; only the former may be shown to the application's tenant.
type AuditEntry struct {
	Operation   string        `cbor:"1,keyasint"`
	At          time.Time     `cbor:"2,keyasint"`
	Tenant      TenantID      `cbor:"3,keyasint,omitempty"`
	User        UserName      `cbor:"4,keyasint,omitempty"`
	RequestID   string        `cbor:"5,keyasint,omitempty"`
	Action      string        `cbor:"6,keyasint"`
	Application ApplicationID `cbor:"7,keyasint,omitempty"`
	// Target is what was acted on: the id of credentials for the actions
	// credentials.*, registration.* and session.*, else a name.
	Target string `cbor:"8,keyasint,omitempty"`
	// Targets are the ids of the credentials of credentials.import, which has
	// no one Target.
	Targets []string `cbor:"15,keyasint,omitempty"`
	// Endpoint is the one that credentials were claimed for, or whose
	// registration or sessions were ended.
	Endpoint EndpointID `cbor:"9,keyasint,omitempty"`
	// Session is the session that was opened (session.open, or with the claim
	// that credentials.claim tells of) or ended (session.end). An endpoint's
	// sessions that end together are the one action endpoint.end_sessions.
	Session SessionID `cbor:"10,keyasint,omitempty"`
	// Service, Number and Module name the revision of a custom service, for the
	// actions service.*.
	Service ServiceName `cbor:"11,keyasint,omitempty"`
	Number  int         `cbor:"12,keyasint,omitempty"`
	Module  Digest      `cbor:"13,keyasint,omitempty"`
	// Cause says why, where the action alone does not.
	Cause string `cbor:"14,keyasint,omitempty"`

	Version Revision `cbor:"-"`
}

// saveAudit buffers the entry of this unit of work and returns its key. A unit
// that names no action of its own has only a service's state to write.
func (tx *Tx) saveAudit(now time.Time) (string, error) {
	entry := AuditEntry{Action: "service.state", Application: tx.app, Target: string(tx.service)}
	if tx.entry != nil {
		entry = *tx.entry
	}
	entry.Operation = newOperationID()
	entry.At = now
	entry.Tenant, entry.User, entry.RequestID = tx.caller.Tenant, tx.caller.User, tx.caller.RequestID
	key := auditKey(entry.Operation)
	return key, tx.save(key, entry)
}

func decodeAuditEntry(r Record) (AuditEntry, error) {
	a := AuditEntry{Version: r.Version}
	return a, decode(r, &a)
}

// Audit lists entries in the order of time, beginning with those of since. The
// filters are application, action and user.
//
// The clocks of the nodes order entries, so those of two nodes may change
// places by as much as these differ; the versions tell which came first.
func (e *Engine) Audit(ctx context.Context, s Scope, since time.Time, o ListOptions) (List[AuditEntry], error) {
	keep, err := filterBy(o, map[string]func(*AuditEntry, string) bool{
		"application": func(a *AuditEntry, v string) bool { return string(a.Application) == v },
		"action":      func(a *AuditEntry, v string) bool { return a.Action == v },
		"user":        func(a *AuditEntry, v string) bool { return string(a.User) == v },
	})
	if err != nil {
		return List[AuditEntry]{}, err
	}
	o.after = auditKeyBefore(since)
	return listRecords(ctx, e, o, []string{auditPrefix}, decodeAuditEntry,
		func(a *AuditEntry) bool { return s.sees(a) && keep(a) })
}

// auditKeyBefore comes before the keys of all entries that were made at a time
// or later: operation ids begin with theirs, in milliseconds.
func auditKeyBefore(t time.Time) string {
	ms := fmt.Sprintf("%012x", max(t.UnixMilli(), 0))
	return auditKey(ms[:8] + "-" + ms[8:])
}
