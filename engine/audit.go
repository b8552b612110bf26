package engine

import "time"

// AuditEntry says who did what. It is written in the same commit as the change
// that it tells of (invariant I7), and its key doubles as the commit's marker.
type AuditEntry struct {
	Operation   string        `cbor:"1,keyasint"`
	At          time.Time     `cbor:"2,keyasint"`
	Tenant      TenantID      `cbor:"3,keyasint,omitempty"`
	User        UserName      `cbor:"4,keyasint,omitempty"`
	RequestID   string        `cbor:"5,keyasint,omitempty"`
	Action      string        `cbor:"6,keyasint"`
	Application ApplicationID `cbor:"7,keyasint,omitempty"`
	Target      string        `cbor:"8,keyasint,omitempty"`
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
