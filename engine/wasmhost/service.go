package wasmhost

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/linear"
)

// service is a module that serves under a name, with what it was deployed
// with.
type service struct {
	name     engine.ServiceName
	runtime  *Runtime
	code     *code
	methods  [methodCount]bool
	base     json.RawMessage // the service's configuration
	limits   Limits
	size     linear.Size // of the memory of an instance
	frozen   bool        // instances are put back after each call
	log      *slog.Logger
	guestLog *guestLog
	rights   *rights

	lane *lane // for a turn among the services of this node

	calls sync.WaitGroup // between enter and leave
	mu    sync.Mutex     // guards what follows
	pools map[engine.ApplicationID]*pool
	swept time.Time
	// closed is set before the last call has left.
	closed bool
}

var (
	_ engine.RunningService = (*service)(nil)
	_ engine.ConfigChecker  = (*service)(nil)
	_ engine.ProofVerifier  = prover{}
)

// Start compiles a module, and tries it with the service's configuration: it
// must start, accept the configuration, and answer a lookup in a legal way. A
// refusal says what does not fit.
func (r *Runtime) Start(ctx context.Context, s engine.Service, fetch func(context.Context) ([]byte, error)) (engine.RunningService, error) {
	started, err := r.prepare(ctx, s, fetch)
	if err != nil {
		return nil, err
	}
	if err := started.try(ctx); err != nil {
		started.Close()
		return nil, err
	}
	return started.offered(), nil
}

// prepare does all of Start but the trial.
func (r *Runtime) prepare(ctx context.Context, s engine.Service, fetch func(context.Context) ([]byte, error)) (*service, error) {
	wasm, err := fetch(ctx)
	if err != nil {
		return nil, err
	}
	p, err := r.read(wasm)
	if err != nil {
		return nil, err
	}
	return r.build(ctx, p, s)
}

// build makes a service of a module that was read, with the settings of s.
func (r *Runtime) build(ctx context.Context, p *program, s engine.Service) (*service, error) {
	limits, granted, err := r.fit(p, s)
	if err != nil {
		return nil, err
	}
	code, err := r.codes.acquire(ctx, codeKey{s.Module, limits.MemoryPages}, p)
	if err != nil {
		return nil, err
	}
	log := r.log.With("service", s.Name)
	started := &service{
		name: s.Name, runtime: r, code: code, methods: p.methods, base: s.Config, limits: limits,
		size:   sizeOf(p.binary, &limits),
		frozen: limits.SingleUse && linear.CanRestore && !p.binary.ChangesTables(),
		log:    r.log, guestLog: &guestLog{log: log, now: time.Now},
		rights: r.rightsOf(&p.manifest.capabilities, &granted),
		pools:  map[engine.ApplicationID]*pool{}, swept: time.Now(), lane: r.lane(),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.services[started] = struct{}{}
	return started, nil
}

// fit tells whether a module fits the settings of a service, and the limits
// and grants that hold for it there.
func (r *Runtime) fit(p *program, s engine.Service) (limits Limits, granted capabilities, err error) {
	if limits, err = r.limits.of(p); err != nil {
		return limits, granted, err
	}
	if granted, err = checkGrants(s.Grants, &p.manifest.capabilities); err != nil {
		return limits, granted, err
	}
	if err = r.ceiling.check(&p.manifest.capabilities, &granted); err != nil {
		return limits, granted, err
	}
	limits, err = limits.lowered(s.Limits, p)
	return limits, granted, err
}

// try runs the service on trial, for nobody.
func (s *service) try(ctx context.Context) error {
	t := s.tried(ctx, trialToFirst, Operation{})
	for _, f := range t.found {
		if f.Severity == SeverityWarning {
			s.log.LogAttrs(ctx, slog.LevelWarn, "a module was started that could be better",
				slog.String("service", string(s.name)), slog.String("module", string(s.code.key.module)),
				slog.String("finding", string(f.Code)), slog.String("detail", f.Message))
		}
	}
	return t.found.refusal()
}

// CheckConfig says whether an application's configuration can be served, by
// starting an instance with it.
func (s *service) CheckConfig(ctx context.Context, app *engine.Application) error {
	const field = "/serviceConfig"
	config, err := configure(s.base, app.ServiceConfig)
	if err != nil {
		return engine.Errorf(engine.CodeInvalid, "%v", err).InField(field)
	}
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.calls.Add(1)
	}
	s.mu.Unlock()
	if closed {
		return s.replaced()
	}
	defer s.calls.Done()
	i, err := s.start(ctx, config, subject{application: string(app.ID)})
	if err != nil {
		return inField(unfit(err, "its start"), field)
	}
	i.close()
	return nil
}

// inField names the member at fault, if what was given is at fault.
func inField(err error, pointer string) error {
	if e, ok := errors.AsType[*engine.Error](err); ok && e.Code == engine.CodeInvalid {
		return e.InField(pointer)
	}
	return err
}

// Lookup asks the module what it knows under an id.
func (s *service) Lookup(ctx context.Context, tx *engine.Tx, app *engine.Application, id engine.CredentialsID) (engine.Credentials, error) {
	o := operation{method: lookup, asked: engine.Credentials{ID: id}}
	err := s.serve(ctx, tx, app, &o)
	return o.answer, err
}

// Provide asks the module to take credentials in.
func (s *service) Provide(ctx context.Context, tx *engine.Tx, app *engine.Application, c engine.Credentials) (engine.Credentials, error) {
	o := operation{method: provide, asked: c}
	err := s.serve(ctx, tx, app, &o)
	return o.answer, err
}

// MarkInUse tells the module of a claim.
func (s *service) MarkInUse(ctx context.Context, tx *engine.Tx, app *engine.Application, id engine.CredentialsID) error {
	o := operation{method: markInUse, asked: engine.Credentials{ID: id}}
	return s.serve(ctx, tx, app, &o)
}

// MarkRevoked tells the module of a revocation.
func (s *service) MarkRevoked(ctx context.Context, tx *engine.Tx, app *engine.Application, id engine.CredentialsID) error {
	o := operation{method: markRevoked, asked: engine.Credentials{ID: id}}
	return s.serve(ctx, tx, app, &o)
}

// serve runs an operation on an instance of the application's pool.
func (s *service) serve(ctx context.Context, tx *engine.Tx, app *engine.Application, o *operation) error {
	if !s.methods[o.method] {
		return engine.Errorf(engine.CodeUnsupported, "the credentials service %q does not offer %s", s.name, exportOf[o.method])
	}
	v, err := s.enter(ctx, app)
	if err != nil {
		return err
	}
	defer func() { s.leave(v) }()
	of := subject{application: string(app.ID), request: requestID(tx)}
	if v.instance == nil {
		if v.instance, err = s.startAt(ctx, v.config, of, turn{lane: s.lane}); err != nil {
			return s.undecided(err, "the start of an instance", of)
		}
		v.now = time.Now()
	} else {
		v.instance.call.turn.lane = s.lane
	}
	if err := v.instance.serve(ctx, tx, o, of, v.now); err != nil {
		return s.undecided(err, exportOf[o.method], of)
	}
	return nil
}

// requestID is the id of the request, if it can be told to a module.
func requestID(tx *engine.Tx) string {
	if id := tx.Caller().RequestID; len(id) <= engine.MaxIDBytes {
		return id
	}
	return ""
}

// undecided makes the error of a call in which the module came to no decision.
// Its own refusals stay as they are.
func (s *service) undecided(err error, what string, of subject) error {
	if f, ok := errors.AsType[*fault](err); ok {
		return s.incident(f, what, of)
	}
	if a, ok := errors.AsType[*aborted](err); ok {
		return a.cause
	}
	return err
}

func (s *service) replaced() error {
	return engine.Errorf(engine.CodeUnavailable, "the credentials service %q is being replaced: try again", s.name)
}

// Close waits for calls in flight and releases everything.
func (s *service) Close() {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	s.calls.Wait()
	if closed {
		return
	}
	s.runtime.mu.Lock()
	delete(s.runtime.services, s)
	s.runtime.mu.Unlock()
	for _, p := range s.pools {
		closeAll(p.idle)
	}
	s.pools = nil
	s.rights.close()
	s.runtime.codes.release(s.code)
}
