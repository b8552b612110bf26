package invariant

import "github.com/credence-engine/credence/engine"

// sessions judges I4. What ends a session is the end of itself, that of all
// sessions of its endpoint that were open by then, and the revocation of its
// credentials.
func (j *judge) sessions() {
	type endpoint struct {
		app engine.ApplicationID
		id  engine.EndpointID
	}
	own, revoked, all := map[string]*ending{}, map[subject]*ending{}, map[endpoint][]*Op{}
	for i := range j.all {
		op := &j.all[i]
		switch {
		case op.Outcome != Done:
		case op.Kind == EndSession:
			add(own, op.Session, op)
		case op.Kind == Revoke:
			add(revoked, subject{op.App, op.Credentials}, op)
		case op.Kind == EndEndpoint:
			of := endpoint{op.App, op.Endpoint}
			all[of] = append(all[of], op)
		}
	}
	for i := range j.all {
		op := &j.all[i]
		opened := j.opened[op.Session]
		if op.Kind != Introspect || !op.lets() || opened == nil {
			continue
		}
		ends := []*Op{}
		for _, end := range []*ending{own[op.Session], revoked[subject{opened.App, opened.Credentials}]} {
			if end != nil {
				ends = append(ends, end.returned)
			}
			if end != nil && end.receipt != nil {
				ends = append(ends, end.receipt)
			}
		}
		for _, end := range all[endpoint{opened.App, opened.Endpoint}] {
			before := opened.Returned < end.Invoked
			if opened.Revision != 0 && end.Revision != 0 {
				before = opened.Revision < end.Revision
			}
			if opened.Outcome == Done && before {
				ends = append(ends, end)
			}
		}
		for _, end := range ends {
			switch {
			case op.ignores(end):
				j.violated("I4", "a session was active after its end", opened, end, op)
			case j.late(op, end):
				j.violated("I4", "a session was active after the receipt of its end", opened, end, op)
			default:
				continue
			}
			break
		}
	}
}

func add[K comparable](m map[K]*ending, key K, op *Op) {
	if m[key] == nil {
		m[key] = &ending{}
	}
	m[key].add(op)
}
