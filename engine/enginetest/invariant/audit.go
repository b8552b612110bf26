package invariant

import (
	"fmt"

	"github.com/credence-engine/credence/engine"
)

// Entry is an entry of the audit log, and the revision of its commit.
type Entry struct {
	Action   string
	App      engine.ApplicationID
	Target   string
	Revision engine.Revision
}

// actions are those that the audit log names for what clients do.
var actions = map[Kind]string{
	Provision: "credentials.provision",
	Verify:    "credentials.claim",
	Revoke:    "credentials.revoke",
}

// audited judges I7: an acknowledged change has its entry, at its revision if
// the answer says so, and a revocation, which is final, has one alone.
func (j *judge) audited() {
	if j.rules.Audit == nil {
		return
	}
	type deed struct {
		action string
		of     subject
	}
	found := map[deed][]engine.Revision{}
	for _, entry := range j.rules.Audit {
		of := deed{entry.Action, subject{entry.App, engine.CredentialsID(entry.Target)}}
		found[of] = append(found[of], entry.Revision)
	}
	for i := range j.all {
		op := &j.all[i]
		if op.Outcome != Done || op.Kind == Provision && !op.Created || op.Kind == Verify && !op.Accepted || actions[op.Kind] == "" {
			continue
		}
		entries := found[deed{actions[op.Kind], subject{op.App, op.Credentials}}]
		exact := op.Revision != 0 && op.Kind != Verify // which claims only once
		at := false
		for _, revision := range entries {
			at = at || revision == op.Revision
		}
		switch {
		case len(entries) == 0:
			j.violated("I7", "the audit log does not know of an acknowledged change", op)
		case op.Kind == Revoke && len(entries) > 1:
			j.violated("I7", fmt.Sprintf("the audit log tells of %d revocations of the same credentials", len(entries)), op)
		case exact && !at:
			j.violated("I7", fmt.Sprintf("the audit log tells of the change at other revisions only: %v", entries), op)
		}
	}
}
