package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"golang.org/x/sync/singleflight"
)

// registry holds the services that run on this node: the built-in ones, and
// for each custom name the newest revision that was asked for.
//
// It is no cache of state. Which revision serves is read from the store with
// every operation; the registry only keeps that revision's code ready.
type registry struct {
	builtins   map[ServiceName]CredentialsService
	runtime    ModuleRuntime
	signatures SignaturePolicy
	log        *slog.Logger
	starting   singleflight.Group

	changed chan struct{} // the account of services has changed; see tell
	broken  chan broken   // revisions that keep failing, for Run to replace

	// Starts may outlive those who ask for them, never the registry.
	life context.Context //nolint:containedctx // that of the registry
	end  context.CancelFunc
	work sync.WaitGroup

	mu         sync.Mutex // guards what follows
	running    map[ServiceName]*running
	tallies    map[ServiceName]*tally // of those that run
	standings  map[ServiceName]standing
	candidates map[ServiceName]*candidate
	closed     bool
}

// running is a started custom service. It is closed when it was replaced and
// the last call in flight has finished.
type running struct {
	service RunningService
	guard   *guarded      // what calls go through
	checker ConfigChecker // nil when the service has no such extra
	version Revision      // of the service's record

	mu      sync.Mutex // guards what follows
	calls   int
	retired bool
}

// lease is the right to call a service until it is released. The zero lease
// is of no service.
type lease struct {
	CredentialsService
	name    ServiceName
	of      *running // nil for built-in services
	missing bool     // there is no service of that name
}

var (
	errUnknownService = errors.New("no such credentials service")
	errClosing        = Errorf(CodeUnavailable, "this node is shutting down: ask another one")
)

func newRegistry(builtins map[ServiceName]CredentialsService, runtime ModuleRuntime, signatures SignaturePolicy, log *slog.Logger) *registry {
	life, end := context.WithCancel(context.Background())
	return &registry{
		builtins: builtins, runtime: runtime, signatures: signatures, log: log, life: life, end: end,
		changed: make(chan struct{}, 1), broken: make(chan broken, 64),
		running: map[ServiceName]*running{}, tallies: map[ServiceName]*tally{},
		standings: map[ServiceName]standing{}, candidates: map[ServiceName]*candidate{},
	}
}

func (r *registry) builtin(name ServiceName) Service {
	descriptions := map[ServiceName]string{
		Trustful: "any endpoint may register and connect",
		Internal: "only endpoints whose credentials were provisioned before",
	}
	return Service{Name: name, Description: descriptions[name]}
}

// acquire returns the application's service as tx sees it, and points tx's
// State at it. A service that was deleted, or that cannot be started, is
// CodeUnavailable or CodeModuleFault: no decision. Which revision serves is read
// with the rest of the decision (I6).
func (r *registry) acquire(ctx context.Context, tx *Tx, app *Application) (lease, error) {
	tx.service, tx.app = app.Service, app.ID
	if builtin, ok := r.builtins[app.Service]; ok {
		return lease{CredentialsService: builtin, name: app.Service}, nil
	}
	if tx.first.Mode == ModeGuess { // a module sees what was true at one moment, or nothing
		return lease{}, ErrConflict
	}
	record, err := tx.serviceRecord(ctx, app.Service)
	if CodeOf(err) == CodeNotFound {
		return lease{missing: true}, Wrap(errUnknownService, CodeUnavailable,
			fmt.Sprintf("the credentials service %q of this application does not exist: deploy it again, or choose another service for the application", app.Service))
	}
	if err != nil {
		return lease{}, err
	}
	run, err := r.start(ctx, tx.store, record)
	if err != nil {
		return lease{}, err
	}
	return lease{CredentialsService: run.guard, name: app.Service, of: run}, nil
}

// start returns the running service of a record with one call counted,
// starting it when this node does not run that revision yet.
func (r *registry) start(ctx context.Context, store Store, record Service) (*running, error) {
	for {
		if run, err := r.current(record); run != nil || err != nil {
			return run, err
		}
		key := fmt.Sprintf("%s/%d", record.Name, record.Version)
		done := r.starting.DoChan(key, func() (any, error) {
			// The start outlives a caller that gives up: others wait for it.
			return nil, r.bring(context.WithoutCancel(ctx), store, record)
		})
		select {
		case result := <-done:
			if result.Err != nil {
				return nil, result.Err
			}
		case <-ctx.Done():
			return nil, Wrap(ctx.Err(), CodeUnavailable, fmt.Sprintf("the credentials service %q is still starting on this node: try again", record.Name))
		}
	}
}

// current returns the running service if it is of the record's revision. A
// record that is older than what runs was read before a swap: the operation
// starts over.
func (r *registry) current(record Service) (*running, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errClosing
	}
	run := r.running[record.Name]
	switch {
	case run == nil || run.version < record.Version:
		return nil, r.failed(record)
	case run.version > record.Version:
		return nil, ErrConflict
	}
	run.mu.Lock()
	run.calls++
	run.mu.Unlock()
	return run, nil
}

// runs tells whether a revision of a service, or a newer one, runs here.
func (r *registry) runs(name ServiceName, version Revision) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	run := r.running[name]
	return run != nil && run.version >= version
}

// bring starts a revision, unless that was done for its deployment, and puts
// it in the place of what runs.
func (r *registry) bring(ctx context.Context, store Store, record Service) error {
	if r.runs(record.Name, record.Version) { // since the caller looked
		return nil
	}
	ctx, done, err := r.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	service, err := r.take(ctx, record)
	if service == nil && err == nil {
		r.report(record, ServiceStarting, nil)
		service, err = r.prepare(ctx, store, record)
	}
	if err != nil {
		err = cannotStart(record.Name, err)
		r.report(record, ServiceFailed, err)
		return err
	}
	r.install(service, record)
	return nil
}

// cannotStart keeps the reason why a deployed service cannot start on this
// node from being taken for the fault of the request that needs it.
func cannotStart(name ServiceName, err error) error {
	switch CodeOf(err) {
	case CodeInvalid, CodeTooLarge, CodeUnsupported, CodeConflict:
		return Wrap(err, CodeModuleFault, fmt.Sprintf("the credentials service %q cannot start on this node: %v", name, err))
	default:
		return err
	}
}

// prepare starts a service without letting anybody call it.
func (r *registry) prepare(ctx context.Context, store Store, s Service) (RunningService, error) {
	if r.runtime == nil {
		return nil, Errorf(CodeUnsupported, "this node runs no custom services")
	}
	ctx, done, err := r.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := r.checkSignature(ctx, store, s); err != nil {
		return nil, err
	}
	return r.runtime.Start(ctx, s, func(ctx context.Context) ([]byte, error) {
		return readModule(ctx, store, s.Module)
	})
}

// install makes a prepared service the one that runs under the record's name,
// unless a newer one does.
func (r *registry) install(service RunningService, record Service) {
	run := &running{service: service, version: record.Version}
	run.checker, _ = service.(ConfigChecker)
	r.mu.Lock()
	run.guard = r.guard(service, record)
	old := r.running[record.Name]
	if r.closed || old != nil && old.version >= record.Version {
		old = run
	} else {
		r.running[record.Name] = run
	}
	r.mu.Unlock()
	if old != nil {
		old.retire()
	}
	r.report(record, ServiceReady, nil)
	r.log.Info("credentials service ready", "service", record.Name, "revision", record.Number, "module", record.Module)
}

// drop ends a service that was deleted at a revision.
func (r *registry) drop(name ServiceName, at Revision) {
	r.mu.Lock()
	old := r.running[name]
	if old != nil && old.version < at {
		delete(r.running, name)
		delete(r.tallies, name)
	} else {
		old = nil
	}
	if s, known := r.standings[name]; known && s.version < at {
		delete(r.standings, name)
		r.tell()
	}
	r.mu.Unlock()
	if old != nil {
		old.retire()
	}
}

// begin counts the start of a service, so that close can end it and wait for
// it. The caller calls done.
func (r *registry) begin(ctx context.Context) (started context.Context, done func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, errClosing
	}
	r.work.Add(1)
	started, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(r.life, cancel)
	return started, func() { stop(); cancel(); r.work.Done() }, nil
}

// close ends all services and refuses further ones. What is starting is given
// up, and nothing of it is left when close returns: the runtime can be closed.
func (r *registry) close() {
	r.mu.Lock()
	all := r.running
	r.running, r.closed = nil, true
	r.mu.Unlock()
	r.end()
	r.dropCandidates(func(*candidate) bool { return true })
	r.work.Wait()
	for _, run := range all {
		run.retire()
	}
}

// retire closes the service now, or after its last call.
func (run *running) retire() {
	run.mu.Lock()
	idle := !run.retired && run.calls == 0
	run.retired = true
	run.mu.Unlock()
	if idle {
		run.service.Close()
	}
}

func (l lease) release() {
	if l.of == nil {
		return
	}
	l.of.mu.Lock()
	l.of.calls--
	last := l.of.retired && l.of.calls == 0
	l.of.mu.Unlock()
	if last {
		l.of.service.Close()
	}
}

func (l lease) checkConfig(ctx context.Context, app *Application) error {
	if l.of != nil && l.of.checker != nil {
		return l.of.checker.CheckConfig(ctx, app)
	}
	if l.of == nil && len(app.ServiceConfig) > 0 {
		return Errorf(CodeInvalid, "the built-in service %s takes no configuration: leave serviceConfig out", l.name).InField("/serviceConfig")
	}
	return nil
}
