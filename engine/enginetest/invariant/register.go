package invariant

import (
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/credence-engine/credence/engine"
)

// register is the state of one credential. The zero value is absent.
type register struct {
	status int // see ranks
	owner  engine.EndpointID
}

// Model is the specification of one credential of a service that knows only
// what was provisioned, as the service Internal does. Inputs are Ops, with
// their answers.
func Model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return register{} },
		Step: func(state, input, _ any) (bool, any) {
			return state.(register).step(input.(*Op))
		},
		DescribeOperation: func(input, _ any) string { return input.(*Op).String() },
	}
}

// step tells whether the register can give the answer, and what it is then. An
// unknown answer fits always.
func (r register) step(op *Op) (bool, register) {
	open := op.Outcome == Unknown
	switch op.Kind {
	case Provision:
		fits := open || op.Outcome == Done && r.status < ranks[engine.Revoked] && op.Created == (r.status == 0) ||
			op.Outcome == Refused && r.status == ranks[engine.Revoked]
		if r.status == 0 {
			r.status = ranks[engine.Available]
		}
		return fits, r
	case Revoke: // also of what is not known, when the service cannot say that at once
		if op.Outcome == Refused {
			return r.status == 0, r
		}
		r.status = ranks[engine.Revoked]
		return true, r
	case Verify:
		accepts := r.accepts(op.Endpoint)
		fits := open || op.Accepted == accepts && (accepts || r.shows(op))
		if accepts {
			r.status, r.owner = ranks[engine.InUse], op.Endpoint
		}
		return fits, r
	default:
		return r.shows(op), r
	}
}

func (r register) accepts(endpoint engine.EndpointID) bool {
	return r.status == ranks[engine.Available] || r.status == ranks[engine.InUse] && r.owner == endpoint
}

// shows tells whether what was seen is what is there.
func (r register) shows(op *Op) bool {
	return (op.Status == "" || ranks[op.Status] == r.status) && (op.Owner == "" || op.Owner == r.owner)
}

// registers judges L. What failed is left out; what has an unknown outcome may
// take effect at any later time; an answer that may be old is one of a question
// that was asked as much earlier.
func (j *judge) registers() {
	if j.rules.Search == 0 {
		return
	}
	model := Model()
	for _, of := range j.order {
		switch porcupine.CheckOperationsTimeout(model, operations(j.subjects[of]), j.rules.Search) {
		case porcupine.Illegal:
			j.violated("L", "no order of these operations explains their answers", j.subjects[of]...)
		case porcupine.Unknown:
			j.report.Undecided++
		case porcupine.Ok:
		}
	}
}

// operations are what the search orders, less what cannot change its result: it
// takes exponential time. Of what may take effect at any later time the first
// is kept: once one of a kind has, the others change nothing. Of those who saw
// the revocation, which is final, the first to return is.
func operations(ops []*Op) []porcupine.Operation {
	type effect struct {
		kind     Kind
		endpoint engine.EndpointID
	}
	pending := map[effect]time.Duration{}
	var history []porcupine.Operation
	add := func(op *Op, call, end time.Duration) {
		if op.Outcome == Unknown {
			of := effect{op.Kind, op.Endpoint}
			if first, ok := pending[of]; ok && first <= call {
				return
			}
			if end == Never {
				pending[of] = call
			}
		}
		history = append(history, porcupine.Operation{ClientId: op.Client, Input: op, Call: int64(call), Return: int64(end)})
	}
	firsts := map[engine.EndpointID]*Op{} // by the owner that was seen
	for _, op := range ops {
		if op.sees() && (firsts[op.Owner] == nil || op.Returned < firsts[op.Owner].Returned) {
			firsts[op.Owner] = op
		}
	}
	for _, op := range ops {
		switch op.Kind {
		case Provision, Revoke, Verify:
			if op.Outcome == Failed {
				continue
			}
		case Get:
			if op.seen() == "" {
				continue
			}
		default:
			continue
		}
		since, _ := op.since()
		if op.overtaken() {
			claim := *op
			claim.Outcome = Unknown
			add(&claim, since, op.ended())
		}
		if !op.sees() || firsts[op.Owner] == op {
			add(op, since, op.ended())
		}
	}
	return history
}

// overtaken tells whether the answer may be that of a claim which was revoked
// before it was answered: that is two steps, the claim and the look after it.
func (o *Op) overtaken() bool {
	return o.Kind == Verify && o.seen() == engine.Revoked && o.Owner == o.Endpoint
}

// sees tells whether an operation has seen that the credentials are revoked,
// and has not made them so.
func (o *Op) sees() bool {
	return o.seen() == engine.Revoked && (o.Kind == Get || o.Kind == Verify || o.Kind == Provision)
}
