package invariant

import "github.com/credence-engine/credence/engine"

// acknowledged judges I5.
func (j *judge) acknowledged() {
	for _, of := range j.order {
		var first *Op
		for _, op := range j.subjects[of] {
			if op.Kind == Provision && op.Outcome == Done && (first == nil || op.Returned < first.Returned) {
				first = op
			}
		}
		if first == nil {
			continue
		}
		for _, op := range j.subjects[of] {
			if op.seen() == Absent && op.ignores(first) {
				j.violated("I5", "acknowledged credentials are gone", first, op)
				break
			}
		}
	}
}

// invented judges I8: a revocation that shows up was asked for, and an owner
// has asked to be let in, each of this application.
func (j *judge) invented() {
	for _, of := range j.order {
		asked, revoked := map[engine.EndpointID]bool{}, false
		for _, op := range j.subjects[of] {
			switch op.Kind {
			case Revoke:
				revoked = true
			case Verify:
				asked[op.Endpoint] = true
			}
		}
		for _, op := range j.subjects[of] {
			if op.seen() == engine.Revoked && !revoked {
				j.violated("I8", "a revocation that nobody asked for", op)
				break
			}
			if owner := op.seenOwner(); owner != "" && !asked[owner] {
				j.violated("I8", "an owner that has never asked", op)
				break
			}
		}
	}
}
