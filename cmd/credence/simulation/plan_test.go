package simulation

import (
	"slices"
	"time"

	"github.com/credence-engine/credence/engine"
)

const nodeCount = 3

// verb is what a client asks of a node.
type verb string

const (
	provision verb = "provision"
	verify    verb = "verify"
	revoke    verb = "revoke"
	bind      verb = "bind"
	patch     verb = "patch"
	lookup    verb = "lookup"
	bulk      verb = "import" // many at once
	deploy    verb = "deploy" // of another module for swapped

	introspect  verb = "introspect"   // the newest session of the id
	endSession  verb = "end session"  // the newest one of the id
	endEndpoint verb = "end sessions" // of the endpoint
)

// request is one thing that a client will ask.
type request struct {
	number   int
	at       time.Duration
	node     int
	verb     verb
	app      int // of apps
	id       int
	endpoint int
	weak     bool            // a verify or introspect that may be bounded in age
	open     bool            // a verify that asks for a session
	wait     bool            // what takes rights away waits for the receipt
	after    bool            // a verify or introspect after a receipt, which any age will do for
	least    engine.Revision // a verify of at least this revision; 0: strict
	session  *session        // of an introspect or an end of one; nil: the newest
	patience time.Duration   // how long the client waits
}

// harm is what is done to a node, or to the state.
type harm string

const (
	cutBoth  harm = "cut off"
	cutThere harm = "cut from the node to the state"
	cutBack  harm = "cut from the state to the node"
	stop     harm = "pause"
	kill     harm = "kill and start again"
	restart  harm = "stop and start again"
	jump     harm = "clock jump"
	starve   harm = "renewals lost"
	stall    harm = "watches stalled"
	compact  harm = "compaction"
)

// fault is one harm and how long it lasts.
type fault struct {
	at   time.Duration
	last time.Duration
	node int
	harm harm
}

// target is an id of an application.
type target struct{ app, id int }

// plan is all that is decided before a run.
type plan struct {
	requests []request
	faults   []fault
	given    []target // provisioned before the run
	// How the links behave: a message takes up to lag, or in slow of a hundred
	// cases up to tail; so many of a hundred are lost.
	lag, tail   time.Duration
	slow, lost  int
	forgetful   bool // the store loses and tears changes on their way to watches
	interrupted bool // watches end now and then
}

// newPlan draws a plan. Requests come in scenes around one id each, so that
// they race.
func newPlan(c chance) plan {
	p := plan{
		lag:  pick(c.about("lag"), 400*time.Microsecond, 2*time.Millisecond, 10*time.Millisecond),
		tail: pick(c.about("tail"), 20*time.Millisecond, 150*time.Millisecond, 700*time.Millisecond),
		slow: pick(c.about("slow"), 1, 5, 20), lost: pick(c.about("lost"), 0, 0, 1, 5),
		forgetful: c.about("forgetful").percent(15), interrupted: c.about("interrupted").percent(25),
	}
	at := time.Duration(0)
	for scene := range 3 + c.about("scenes").below(4) {
		s := c.about("scene").number(uint64(scene))
		at += s.about("gap").between(0, 600*time.Millisecond)
		p.scene(scene, s, at)
	}
	slices.SortStableFunc(p.requests, func(a, b request) int { return int(a.at - b.at) })
	for i := range p.requests {
		p.requests[i].number = i
	}
	for i := range c.about("faults").below(6) {
		f := c.about("fault").number(uint64(i))
		near := p.requests[f.about("near").below(len(p.requests))] // so that it comes in the middle of something
		p.faults = append(p.faults, fault{
			at:   near.at + f.about("at").between(0, pick(f.about("soon"), 5*time.Millisecond, 100*time.Millisecond)),
			last: pick(f.about("last"), f.between(0, 100*time.Millisecond), f.between(0, time.Second), f.between(2*time.Second, 6*time.Second)),
			node: pick(f.about("node"), near.node, near.node, f.about("other").below(nodeCount)),
			harm: pick(f.about("harm"), cutBoth, cutThere, cutBack, stop, stop, kill, kill, restart, jump, starve, stall, compact),
		})
	}
	return p
}

// scene asks several things about one id within a short time: mostly a new
// one, since what is revoked stays so.
func (p *plan) scene(number int, c chance, at time.Duration) {
	about := target{app: pick(c.about("app"), 0, 0, 0, 1, 1, 1, 2, 2, 3), id: number}
	if c.about("again").percent(20) {
		about.id = c.about("id").below(number + 1)
	}
	if c.about("given").percent(70) || apps[about.app].service == swappedName {
		p.given = append(p.given, about)
	}
	verbs := []verb{verify, verify, verify, verify, verify, provision, provision, revoke, bind, patch, lookup}
	sessions := c.about("sessions").percent(50)
	if apps[about.app].service == swappedName {
		verbs = []verb{verify, verify, verify, verify, deploy}
	} else if c.about("bulk").percent(10) {
		verbs = append(verbs, bulk)
	}
	if sessions {
		verbs = append(verbs, verify, verify, introspect, introspect, endEndpoint, endSession)
	}
	spread := pick(c.about("spread"), 10*time.Millisecond, 100*time.Millisecond, 500*time.Millisecond)
	for i := range 4 + c.about("requests").below(7) {
		r := c.about("request").number(uint64(i))
		p.requests = append(p.requests, request{
			at:       at + r.about("at").between(0, spread),
			node:     r.about("node").below(nodeCount),
			verb:     pick(r.about("verb"), verbs...),
			app:      about.app,
			id:       about.id,
			endpoint: r.about("endpoint").below(2),
			weak:     r.about("weak").percent(20),
			wait:     r.about("wait").percent(60),
			open:     sessions && r.about("open").percent(60),
			patience: pick(r.about("patience"), 200*time.Millisecond, 2*time.Second, 5*time.Second),
		})
	}
}
