package etcdstore

import (
	"crypto/rand"
	"time"

	"github.com/credence-engine/credence/engine"
)

// history remembers at which revision a store was, and when.
type history []moment

type moment struct {
	at  time.Time
	rev engine.Revision
}

// note adds the present.
func (h *history) note(now time.Time, rev engine.Revision) { *h = append(*h, moment{now, rev}) }

// before returns the last revision that is known from no later than then, 0
// when there is none, and forgets those before it.
func (h *history) before(then time.Time) engine.Revision {
	last := -1
	for i, m := range *h {
		if m.at.After(then) {
			break
		}
		last = i
	}
	if last < 0 {
		return 0
	}
	*h = (*h)[last:]
	return (*h)[0].rev
}

// turnName tells a store from all others.
func turnName() string { return rand.Text() }
