package invariant

import (
	"cmp"
	"slices"

	"github.com/credence-engine/credence/engine"
)

// ending is what took rights away: the first operation to return, the first to
// be certified as enforced, and the revision.
type ending struct {
	returned, receipt *Op
}

func (e *ending) add(op *Op) {
	if op.Outcome != Done {
		return
	}
	if e.returned == nil || op.Returned < e.returned.Returned {
		e.returned = op
	}
	if op.Enforced && (e.receipt == nil || op.Returned < e.receipt.Returned) {
		e.receipt = op
	}
}

// revocations judges I1 and I1b.
func (j *judge) revocations() {
	for _, of := range j.order {
		var end ending
		for _, op := range j.subjects[of] {
			if op.Kind == Revoke {
				end.add(op)
			}
		}
		if end.returned == nil {
			continue
		}
		for _, op := range j.subjects[of] {
			if op.Kind != Verify || !op.lets() {
				continue
			}
			if op.ignores(end.returned) {
				j.violated("I1", "accepted after the revocation", end.returned, op)
			}
			if end.receipt != nil && j.late(op, end.receipt) {
				j.violated("I1b", "accepted after the receipt", end.receipt, op)
			}
		}
	}
}

// ranks put the statuses in order.
var ranks = map[engine.Status]int{Absent: 0, engine.Available: 1, engine.InUse: 2, engine.Revoked: 3}

// statuses judges I2: what was seen once, or at a revision, is never undone for
// those who look later, or at a later one.
func (j *judge) statuses() {
	for _, of := range j.order {
		var seen []*Op
		for _, op := range j.subjects[of] {
			if op.seen() != "" {
				seen = append(seen, op)
			}
		}
		j.forwardInTime(seen)
		j.forwardInRevisions(seen)
	}
}

// forwardInTime takes what was seen in the order of calls, and beside it in the
// order of returns.
func (j *judge) forwardInTime(seen []*Op) {
	returns := slices.Clone(seen)
	slices.SortFunc(returns, func(a, b *Op) int { return cmp.Compare(a.Returned, b.Returned) })
	looks := slices.DeleteFunc(slices.Clone(seen), func(op *Op) bool { _, timed := op.since(); return !timed })
	slices.SortStableFunc(looks, func(a, b *Op) int {
		first, _ := a.since()
		second, _ := b.since()
		return cmp.Compare(first, second)
	})
	var furthest *Op
	for _, op := range looks {
		since, _ := op.since()
		for len(returns) > 0 && returns[0].Returned < since {
			if furthest == nil || ranks[returns[0].seen()] > ranks[furthest.seen()] {
				furthest = returns[0]
			}
			returns = returns[1:]
		}
		if furthest != nil && ranks[op.seen()] < ranks[furthest.seen()] {
			j.violated("I2", "the status went back for one who looked later", furthest, op)
			return
		}
	}
}

func (j *judge) forwardInRevisions(seen []*Op) {
	seen = slices.DeleteFunc(slices.Clone(seen), func(op *Op) bool { return op.Revision == 0 })
	slices.SortStableFunc(seen, func(a, b *Op) int {
		return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(ranks[a.seen()], ranks[b.seen()]))
	})
	for i := 1; i < len(seen); i++ {
		before, op := seen[i-1], seen[i]
		if ranks[op.seen()] < ranks[before.seen()] {
			j.violated("I2", "the status went back at a later revision", before, op)
			return
		}
		if op.Revision == before.Revision && op.seen() != before.seen() {
			j.violated("I2", "two statuses at one revision", before, op)
			return
		}
	}
}

// owners judges I3.
func (j *judge) owners() {
	for _, of := range j.order {
		var owner *Op
		for _, op := range j.subjects[of] {
			if op.seenOwner() == "" {
				continue
			}
			if owner == nil {
				owner = op
			}
			if op.seenOwner() != owner.seenOwner() {
				j.violated("I3", "two endpoints have claimed the same credentials", owner, op)
				break
			}
		}
	}
}
