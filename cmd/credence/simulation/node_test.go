package simulation

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/etcdstore/epoch"
)

// leaseTime is how long the state waits for a node before it counts as gone.
const leaseTime = 3 * time.Second

// node is one process of the cluster: while it lives, an engine over its own
// link to the state.
type node struct {
	number int
	world  *world

	mu     sync.Mutex // guards what follows
	skew   time.Duration
	frozen time.Time     // what its clock shows while it is paused
	wake   chan struct{} // closed when it goes on; nil while it is not paused
	now    *process      // nil while it is dead

	starved atomic.Bool  // its renewals are lost
	stalled atomic.Int64 // until when its watches bring nothing, in ns of the run
}

// process is one life of a node.
type process struct {
	*engine.Engine
	world *world
	link  *enginetest.Link
	cache *epoch.Store
	life  context.Context //nolint:containedctx // that of the process
	end   context.CancelFunc
	ran   sync.WaitGroup
}

// start begins a life of the node.
func (n *node) start() {
	p := &process{world: n.world}
	p.life, p.end = context.WithCancel(context.Background())
	p.link = n.world.state.Link(enginetest.LinkOptions{Fate: n.fate, Lease: leaseTime, Resend: 300 * time.Millisecond})
	p.cache = epoch.New(p.link, epoch.Options{Bytes: 1 << 20, Pass: 10 * time.Second})
	services := builtin.Services()
	services[slowName] = slow{node: n}
	p.Engine = engine.New(engine.Options{
		Store: p.cache, Vault: engine.NewVault(p.cache, n.world.keys), Builtins: services, Runtime: modules{node: n}, DeployWait: time.Second, Now: n.clock, Spread: n.spread,
		Node: engine.Node{ID: n.id()},
	})
	p.ran.Go(func() {
		if err := p.Run(p.life); err != nil {
			n.world.wrongf("node %d gave up: %v", n.number, err)
		}
	})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now = p
}

// stop ends the node's life: as it should be, or as if it had been killed. What
// it had sent to the state then still arrives.
func (n *node) stop(killed bool) {
	n.mu.Lock()
	p := n.now
	n.now = nil
	n.mu.Unlock()
	if p == nil {
		return
	}
	if killed {
		p.link.Cut(true, true)
	}
	p.end()
	n.world.work.Go(func() {
		p.ran.Wait()
		p.Close()
		if err := p.cache.Close(); err != nil {
			n.world.wrongf("node %d: %v", n.number, err)
		}
		if killed {
			time.Sleep(2 * leaseTime) // the state finds out by itself
		}
		if err := p.link.Close(); err != nil {
			n.world.wrongf("node %d: %v", n.number, err)
		}
	})
}

// pause stops the node's clock and its messages; resume lets it go on.
func (n *node) pause() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.now == nil || n.wake != nil {
		return
	}
	n.frozen, n.wake = time.Now(), make(chan struct{})
	n.now.link.Cut(true, true)
}

func (n *node) resume() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.wake == nil {
		return
	}
	close(n.wake)
	n.wake = nil
	if n.now != nil {
		n.now.link.Cut(false, false)
	}
}

func (n *node) id() engine.NodeID { return engine.NodeID('a' + rune(n.number)) }

// awake waits until the node is not paused, and tells whether it was.
func (n *node) awake(ctx context.Context) bool {
	n.mu.Lock()
	wake := n.wake
	n.mu.Unlock()
	if wake == nil {
		return false
	}
	select {
	case <-wake:
	case <-ctx.Done():
	}
	return true
}

// cut holds back the node's messages.
func (n *node) cut(there, back bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.now != nil && n.wake == nil {
		n.now.link.Cut(there, back)
	}
}

func (n *node) jump(by time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.skew += by
}

// clock is the node's wall clock.
func (n *node) clock() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.wake != nil {
		return n.frozen.Add(n.skew)
	}
	return time.Now().Add(n.skew)
}

// process is the node's present life, or nil.
func (n *node) process() *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.now
}

func (n *node) spread(ceiling time.Duration) time.Duration {
	return n.world.chance.about("spread").number(uint64(n.number)).number(uint64(n.world.elapsed())).between(0, ceiling)
}
