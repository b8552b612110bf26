package invariant

import (
	"fmt"
	"strings"
	"time"

	"github.com/credence-engine/credence/engine"
)

// Violation is an invariant that does not hold, with the operations that show
// it.
type Violation struct {
	Invariant string
	Text      string
	Ops       []Op
}

func (v Violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", v.Invariant, v.Text)
	for i := range v.Ops {
		b.WriteString("\n\t" + v.Ops[i].String())
	}
	return b.String()
}

// Rules say how a history is judged.
type Rules struct {
	// Grace is how long an answer may be on its way from a node to its client
	// without being held against the node (I1b, I4).
	Grace time.Duration
	// Audit are the entries that were there at the end. Nil: I7 is not judged.
	Audit []Entry
	// Search bounds the search for L in each credential's history. 0: L is not
	// judged.
	Search time.Duration
}

// Report is the judgement of a history.
type Report struct {
	Violations []Violation
	// Undecided counts the credentials whose search for L ran out of time.
	Undecided int
	// Overtaken counts the answers that came after a receipt, and that a node
	// had under way when it was made to stand still: no node can call back what
	// it has decided to send.
	Overtaken int
}

// Of counts the violations of one invariant.
func (r Report) Of(invariant string) int {
	n := 0
	for _, v := range r.Violations {
		if v.Invariant == invariant {
			n++
		}
	}
	return n
}

// Check judges a history, in the order of its calls.
func Check(ops []Op, rules Rules) Report {
	j := judge{rules: rules, history: index(ops)}
	j.revocations()
	j.statuses()
	j.owners()
	j.sessions()
	j.acknowledged()
	j.deployments()
	j.audited()
	j.invented()
	j.registers()
	return j.report
}

// subject names credentials of an application.
type subject struct {
	app engine.ApplicationID
	id  engine.CredentialsID
}

// history is a history in the shapes in which the monitors need it. Slices are
// in the order of calls.
type history struct {
	all      []Op
	order    []subject // as they first came up
	subjects map[subject][]*Op
	pauses   map[string][]*Op // of a node
	opened   map[string]*Op   // the Verify that opened a session
}

func index(ops []Op) history {
	h := history{all: ops, subjects: map[subject][]*Op{}, pauses: map[string][]*Op{}, opened: map[string]*Op{}}
	for i := range ops {
		op := &ops[i]
		if op.Kind == Pause {
			h.pauses[op.Node] = append(h.pauses[op.Node], op)
		}
		if op.Kind == Verify && op.Session != "" {
			h.opened[op.Session] = op
		}
		if op.Credentials == "" {
			continue
		}
		of := subject{op.App, op.Credentials}
		if h.subjects[of] == nil {
			h.order = append(h.order, of)
		}
		h.subjects[of] = append(h.subjects[of], op)
	}
	return h
}

// judge collects violations.
type judge struct {
	history

	rules  Rules
	report Report
}

func (j *judge) violated(invariant, text string, ops ...*Op) {
	v := Violation{Invariant: invariant, Text: text}
	for _, op := range ops {
		v.Ops = append(v.Ops, *op)
	}
	j.report.Violations = append(j.report.Violations, v)
}

// late tells whether an answer came after a receipt that says ENFORCED.
func (j *judge) late(op, ending *Op) bool {
	switch {
	case ending.Outcome != Done || !ending.Enforced:
		return false
	case op.Invoked > ending.Returned:
		return true
	case op.Returned <= ending.Returned+j.rules.Grace:
		return false
	}
	for _, pause := range j.pauses[op.Node] {
		if op.Invoked <= pause.Invoked && pause.Invoked < op.Returned {
			j.report.Overtaken++
			return false
		}
	}
	return true
}
