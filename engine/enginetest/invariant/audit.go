package invariant

import (
	"fmt"
	"slices"

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

	EndSession:  "session.end",
	EndEndpoint: "endpoint.end_sessions",
}

// deed is what an entry tells of. The end of sessions is known by its
// application and revision only.
type deed struct {
	action string
	of     subject
}

func deedOf(action string, app engine.ApplicationID, target string) deed {
	if action == actions[EndSession] || action == actions[EndEndpoint] {
		target = ""
	}
	return deed{action, subject{app, engine.CredentialsID(target)}}
}

// audited judges I7: an acknowledged change has its entry, at its revision if
// the answer says so, and a revocation, which is final, has one alone.
func (j *judge) audited() {
	if j.rules.Audit == nil {
		return
	}
	found := map[deed][]engine.Revision{}
	for _, entry := range j.rules.Audit {
		of := deedOf(entry.Action, entry.App, entry.Target)
		found[of] = append(found[of], entry.Revision)
	}
	for i := range j.all {
		op := &j.all[i]
		action := actions[op.Kind]
		if op.Outcome != Done || op.Kind == Provision && !op.Created || op.Kind == Verify && !op.Accepted || action == "" {
			continue
		}
		entries := found[deedOf(action, op.App, string(op.Credentials))]
		exact := op.Revision != 0 && op.Kind != Verify // which claims only once
		switch {
		case len(entries) == 0:
			j.violated("I7", "the audit log does not know of an acknowledged change", op)
		case op.Kind == Revoke && len(entries) > 1:
			j.violated("I7", fmt.Sprintf("the audit log tells of %d revocations of the same credentials", len(entries)), op)
		case exact && !slices.Contains(entries, op.Revision):
			j.violated("I7", "the audit log does not know of the change at its revision", op)
		}
	}
}
