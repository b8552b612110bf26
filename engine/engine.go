package engine

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options are what an [Engine] is made of.
type Options struct {
	Store Store
	// Builtins are the native services by name; Trustful and Internal belong
	// to every deployment.
	Builtins map[ServiceName]CredentialsService
	// Runtime runs custom services. Nil refuses them.
	Runtime ModuleRuntime
	// Vault encrypts secrets and the keys of sessions, in the same store. Nil
	// refuses both.
	Vault *Vault
	// Signatures says which modules this node runs.
	Signatures SignaturePolicy
	Log        *slog.Logger
	// Node says who this node is: its ID (empty: a random one), Address and
	// Release. The rest the engine fills in.
	Node Node
	// DeployWait is how long a deployment waits for other nodes to be ready.
	// 0: DefaultDeployWait.
	DeployWait time.Duration
	// EventStreams is how many streams of events this node serves at once. 0:
	// DefaultEventStreams.
	EventStreams int
	Sessions     SessionOptions
	// Now is the clock of validity and of records; nil is the system's.
	Now func() time.Time
	// Spread chooses a pause below a ceiling, for operations that were in each
	// other's way; nil chooses at random.
	Spread func(ceiling time.Duration) time.Duration
}

// Engine is what front ends call: one method for each use case. It is safe for
// concurrent use.
//
// Each method either returns a result that is true at a revision of the store,
// or an error; whoever cannot decide refuses. Errors are of type [*Error].
type Engine struct {
	store    Store
	services *registry
	vault    *Vault
	log      *slog.Logger
	clock    func() time.Time
	spread   func(time.Duration) time.Duration
	self     self
	restored restored
	fence    *fence
	roster   *roster
	wait     time.Duration
	sessions SessionOptions
	ring     atomic.Pointer[keyRing] // as this node last saw it
	notices  chan string             // keys of notices made on this node, for Run to deliver
	streams  *streams
}

// New makes an engine. Run must be running for background work; Close stops
// the custom services.
func New(o Options) *Engine {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Spread == nil {
		o.Spread = rand.N[time.Duration] // spreads load, guards nothing
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Vault == nil {
		o.Vault = NewVault(o.Store, nil)
	}
	o.Node.ID = cmp.Or(o.Node.ID, newNodeID())
	o.Node.Started = o.Now().UTC().Truncate(time.Millisecond)
	return &Engine{
		store:    o.Store,
		vault:    o.Vault,
		services: newRegistry(o.Builtins, o.Runtime, o.Signatures, o.Log),
		log:      o.Log,
		clock:    o.Now,
		spread:   o.Spread,
		self:     self{node: o.Node},
		fence:    newFence(o.Store.Held),
		roster:   newRoster(),
		wait:     cmp.Or(o.DeployWait, DefaultDeployWait),
		sessions: o.Sessions.withDefaults(),
		notices:  make(chan string, 1024),
		streams:  newStreams(o.EventStreams),
	}
}

// now is the engine's time, in whole milliseconds: the precision that is kept.
func (e *Engine) now() time.Time { return e.clock().UTC().Truncate(time.Millisecond) }

// Run does the work that no request waits for, until ctx is done: it announces
// this node, acknowledges what takes rights away, starts custom services before
// they are asked and those that are about to be deployed, follows what happens
// for the streams of events, tells modules of revocations that they have missed,
// returns services whose revision keeps failing to an earlier one, renews the
// keys of sessions, tells of restores, and removes what has run out. It returns
// nil when ctx
// ended it.
func (e *Engine) Run(ctx context.Context) error {
	e.fence.begin()
	e.roster.keep(true)
	defer e.roster.keep(false)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return e.announce(ctx) })
	group.Go(func() error { return e.guard(ctx) })
	group.Go(func() error { return e.followNodes(ctx) })
	group.Go(func() error { return e.followAcknowledgements(ctx) })
	group.Go(func() error { return e.followDenials(ctx) })
	group.Go(func() error { return e.acknowledge(ctx) })
	group.Go(func() error { return e.followServices(ctx) })
	group.Go(func() error { return e.followCandidates(ctx) })
	group.Go(func() error { return e.followEvents(ctx) })
	group.Go(func() error { return e.deliverNotices(ctx) })
	group.Go(func() error { return e.replaceBroken(ctx) })
	group.Go(func() error { return e.sweep(ctx) })
	group.Go(func() error { return e.followGeneration(ctx) })
	group.Go(func() error { return e.resealSecrets(ctx) })
	group.Go(func() error { return e.rotateSessionKeys(ctx) })
	return group.Wait()
}

// Close stops all custom services once the calls in flight have finished. The
// caller ends Run, and stops calling, first.
func (e *Engine) Close() { e.services.close() }
