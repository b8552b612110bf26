package simulation

import (
	"fmt"

	"github.com/credence-engine/credence/engine/enginetest/invariant"
)

// tally counts what clients have learnt, to show that a run was not idle.
type tally struct {
	asked, accepted, revoked, enforced, opened, active, deployed, unknown int
}

func (t *tally) add(ops []invariant.Op) {
	for i := range ops {
		op := &ops[i]
		t.asked++
		done := op.Outcome == invariant.Done
		for count, yes := range map[*int]bool{
			&t.accepted: done && op.Kind == invariant.Verify && op.Accepted,
			&t.revoked:  done && op.Kind == invariant.Revoke,
			&t.enforced: done && op.Enforced,
			&t.opened:   done && op.Kind == invariant.Verify && op.Session != "",
			&t.active:   done && op.Kind == invariant.Introspect && op.Active,
			&t.deployed: done && op.Kind == invariant.Deploy,
			&t.unknown:  op.Outcome == invariant.Unknown,
		} {
			if yes {
				*count++
			}
		}
	}
}

func (t *tally) String() string {
	return fmt.Sprintf("%d requests: %d accepted, %d revocations of which %d with a receipt, %d sessions opened, %d times found active, %d deployments, %d with an unknown outcome",
		t.asked, t.accepted, t.revoked, t.enforced, t.opened, t.active, t.deployed, t.unknown)
}
