//go:build linux

package robustness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest/invariant"
)

// credential is one that the load works with.
type credential struct {
	app   engine.ApplicationID
	id    engine.CredentialsID
	owner engine.EndpointID // who asks for it as a rule
	uses  atomic.Int32
}

// session is one that was opened, with its token.
type session struct {
	cred     *credential
	endpoint engine.EndpointID
	id       string
	token    string
}

// mostUses bounds the history of one credential, which is searched at the end.
const mostUses = 40

// pool holds the credentials that are in use.
type pool struct {
	mu     sync.Mutex
	number int
	all    []*credential
	recent []*credential // that the load picks from
	open   []*session    // also those that have ended
}

// poolSize is how many credentials the load works with at a time: few, so that
// requests meet.
const poolSize = 48

// importSize is how many credentials one import brings: some transactions.
const importSize = 120

// add makes credentials of the same id in each application.
func (p *pool) add(apps []engine.ApplicationID) []*credential {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.number++
	var made []*credential
	for _, app := range apps {
		made = append(made, p.make(app))
	}
	p.use(made)
	return made
}

// batch makes several credentials of an application, of which the load picks
// some later.
func (p *pool) batch(app engine.ApplicationID, size int) []*credential {
	p.mu.Lock()
	defer p.mu.Unlock()
	var made []*credential
	for range size {
		p.number++
		made = append(made, p.make(app))
	}
	p.use(made[:2])
	return made
}

func (p *pool) make(app engine.ApplicationID) *credential {
	c := &credential{
		app: app, id: engine.CredentialsID(fmt.Sprintf("c%06d", p.number)), owner: engine.EndpointID(fmt.Sprintf("e%06d", p.number)),
	}
	p.all = append(p.all, c)
	return c
}

func (p *pool) use(made []*credential) {
	p.recent = append(p.recent, made...)
	p.recent = slices.Clone(p.recent[max(0, len(p.recent)-poolSize):])
}

// pick returns credentials that are in use, or nil when there are none.
func (p *pool) pick(random *rand.Rand) *credential {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.recent) == 0 {
		return nil
	}
	c := p.recent[random.IntN(len(p.recent))]
	if c.uses.Add(1) > mostUses {
		return nil
	}
	return c
}

func (p *pool) opened(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = append(p.open, s)
	p.open = slices.Clone(p.open[max(0, len(p.open)-poolSize):])
}

// session returns a session of late, or nil.
func (p *pool) session(random *rand.Rand) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.open) == 0 {
		return nil
	}
	return p.open[random.IntN(len(p.open))]
}

func (p *pool) everything() []*credential {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*credential(nil), p.all...)
}

// load is what clients do to the nodes.
type load struct {
	nodes    []*node
	apps     []engine.ApplicationID
	recorder *invariant.Recorder
	pool     pool
	began    time.Time
	seen     atomic.Int64 // the newest revision that a client has seen
}

const (
	clients = 12
	// rhythm is how long a client waits between two steps, on average.
	rhythm = 50 * time.Millisecond
)

// run lets the clients work until ctx is done. What they ask for then is
// answered first.
func (l *load) run(ctx context.Context, seed uint64) {
	var all sync.WaitGroup
	for id := range clients {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(id)))
			w := worker{load: l, random: random, client: client{id: id, recorder: l.recorder}}
			for ctx.Err() == nil {
				w.step()
				wait(ctx, time.Duration(random.ExpFloat64()*float64(rhythm)))
			}
		})
	}
	all.Wait()
}

// worker is one client.
type worker struct {
	*load
	client

	random *rand.Rand
}

// chance is true once in n times.
func (w worker) chance(n int) bool { return w.random.IntN(n) == 0 }

func (w worker) node() *node { return w.nodes[w.random.IntN(len(w.nodes))] }

func (w worker) step() {
	ctx := context.Background() // a request that has begun is heard out
	what := w.random.IntN(100)
	cred, session := w.pool.pick(w.random), w.pool.session(w.random)
	switch {
	case what < 14 || cred == nil:
		for _, c := range w.pool.add(w.apps) {
			w.provision(ctx, w.node(), c)
		}
	case what < 16:
		w.imports(ctx, w.node(), w.pool.batch(w.apps[w.random.IntN(len(w.apps))], importSize))
	case what < 20:
		w.race(ctx, cred)
	case what < 28:
		w.get(ctx, w.node(), cred)
	case what < 31:
		w.provision(ctx, w.node(), cred)
	case what < 40:
		w.revokeAndLook(ctx, cred)
	case what < 50:
		if opened := w.open(ctx, w.node(), cred, cred.owner); opened != nil {
			w.pool.opened(opened)
		}
	case what < 60 && session != nil:
		w.introspect(ctx, w.node(), session, w.consistency())
	case what < 66 && session != nil:
		w.endAndLook(ctx, session)
	default:
		endpoint := cred.owner
		if w.chance(5) {
			endpoint = "rival"
		}
		op := w.verify(ctx, w.node(), cred, endpoint, w.consistency())
		w.seen.Store(max(w.seen.Load(), int64(op.Revision)))
	}
}

// consistency is mostly strict.
func (w worker) consistency() engine.Consistency {
	switch seen := w.seen.Load(); w.random.IntN(6) {
	case 0:
		return engine.Bounded(time.Duration(w.random.IntN(2000)) * time.Millisecond)
	case 1:
		return engine.AtLeast(engine.Revision(max(1, seen)))
	default:
		return engine.Strict
	}
}

// weak asks for the oldest state that a node may answer from, half of the time:
// after a receipt not even that may let anybody in.
func (w worker) weak() engine.Consistency {
	if w.chance(2) {
		return engine.Bounded(10 * time.Second)
	}
	return w.consistency()
}

// race lets an endpoint of each node ask for the same credentials at once.
func (w worker) race(ctx context.Context, cred *credential) {
	var all sync.WaitGroup
	for i, n := range w.nodes {
		all.Go(func() { w.verify(ctx, n, cred, engine.EndpointID(fmt.Sprint(cred.owner, "-", i)), engine.Strict) })
	}
	all.Wait()
}

// revokeAndLook revokes credentials, for which it asks every node just before
// and as soon as the answer is there.
func (w worker) revokeAndLook(ctx context.Context, cred *credential) {
	at, n, wait := w.weak(), w.node(), w.chance(2)
	var before, after sync.WaitGroup
	look := func(looks *sync.WaitGroup) {
		for _, n := range w.nodes {
			looks.Go(func() { w.verify(ctx, n, cred, cred.owner, at) })
		}
	}
	look(&before)
	if w.chance(2) { // else they meet
		before.Wait()
	}
	w.revoke(ctx, n, cred, wait)
	look(&after)
	before.Wait()
	after.Wait()
}

// endAndLook ends a session, or all of its endpoint, and asks every node about
// it, before and after.
func (w worker) endAndLook(ctx context.Context, s *session) {
	at, n, wait, one := w.weak(), w.node(), w.chance(2), w.chance(2)
	var looks sync.WaitGroup
	look := func() {
		for _, n := range w.nodes {
			looks.Go(func() { w.introspect(ctx, n, s, at) })
		}
	}
	look()
	if one {
		w.endSession(ctx, n, s, wait)
	} else {
		w.endSessions(ctx, n, s, wait)
	}
	look()
	looks.Wait()
}

// lookAtAll reads every credential once, when all is well again, and returns
// those of which no node can say what has become of them.
func (l *load) lookAtAll(ctx context.Context) (lost []*credential) {
	work := make(chan *credential)
	var mu sync.Mutex
	var all sync.WaitGroup
	for id := range clients {
		c := client{id: id, recorder: l.recorder}
		nodes := slices.Concat(l.nodes[id%nodeCount:], l.nodes[:id%nodeCount])
		all.Go(func() {
			for cred := range work {
				decided := slices.ContainsFunc(nodes, func(n *node) bool { return c.get(ctx, n, cred).Outcome == invariant.Done })
				if !decided {
					mu.Lock()
					lost = append(lost, cred)
					mu.Unlock()
				}
			}
		})
	}
	for _, cred := range l.pool.everything() {
		work <- cred
	}
	close(work)
	all.Wait()
	return lost
}

// since is how long the load has been there.
func (l *load) since() time.Duration { return time.Since(l.began).Round(time.Millisecond) }
