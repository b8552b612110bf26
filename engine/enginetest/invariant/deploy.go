package invariant

import (
	"cmp"
	"slices"
	"time"

	"github.com/credence-engine/credence/engine"
)

// deployments judges I6: an answer names a module that was deployed, and none
// that another one had replaced before the question.
func (j *judge) deployments() {
	deploys, decided := map[engine.ServiceName][]*Op{}, map[engine.ServiceName][]*Op{}
	for i := range j.all {
		switch op := &j.all[i]; {
		case op.Service == "":
		case op.Kind == Deploy:
			if op.Outcome != Failed && op.Outcome != Refused {
				deploys[op.Service] = append(deploys[op.Service], op)
			}
		case op.known() && op.Digest != "":
			decided[op.Service] = append(decided[op.Service], op)
		}
	}
	for service, answers := range decided {
		j.runsTheLast(deploys[service], answers)
	}
}

// runsTheLast sweeps over the answers of a service in the order of their calls,
// and takes in each deployment once it has returned.
func (j *judge) runsTheLast(deploys, answers []*Op) {
	returned := map[engine.Digest]time.Duration{} // the latest return of a deployment of the module
	for _, d := range deploys {
		returned[d.Digest] = max(returned[d.Digest], d.ended())
	}
	slices.SortFunc(deploys, func(a, b *Op) int { return cmp.Compare(a.ended(), b.ended()) })
	var newest *Op // of those that have returned, the one that was begun last
	for _, op := range answers {
		since, timed := op.since()
		if !timed {
			continue
		}
		for len(deploys) > 0 && deploys[0].ended() < since {
			if newest == nil || deploys[0].Invoked > newest.Invoked {
				newest = deploys[0]
			}
			deploys = deploys[1:]
		}
		end, known := returned[op.Digest]
		switch {
		case !known:
			j.violated("I6", "a module decided that was never deployed", op)
		case newest != nil && newest.Invoked > end:
			j.violated("I6", "a module decided that was replaced before", newest, op)
		}
	}
}
