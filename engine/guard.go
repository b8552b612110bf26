package engine

import (
	"context"
	"sync/atomic"
)

// guarded is a custom service behind its breaker.
type guarded struct {
	service CredentialsService
	prover  ProofVerifier // nil when the service has no such extra
	breaker *breaker
}

var (
	_ CredentialsService = (*guarded)(nil)
	_ ProofVerifier      = (*guarded)(nil)
)

// guard puts a breaker before a service. The caller holds the mutex.
func (r *registry) guard(service RunningService, record Service) *guarded {
	t := r.tallies[record.Name]
	if t == nil {
		t = &tally{}
		r.tallies[record.Name] = t
	}
	g := &guarded{service: service}
	g.prover, _ = service.(ProofVerifier)
	g.breaker = newBreaker(record, r.log, t, func() {
		select {
		case r.broken <- broken{record.Name, record.Version}:
		default: // it tells again
		}
	})
	return g
}

func (g *guarded) Provide(ctx context.Context, tx *Tx, app *Application, c Credentials) (answer Credentials, err error) {
	err = g.breaker.call(func() error {
		answer, err = g.service.Provide(ctx, tx, app, c)
		return err
	})
	return answer, err
}

func (g *guarded) Lookup(ctx context.Context, tx *Tx, app *Application, id CredentialsID) (answer Credentials, err error) {
	err = g.breaker.call(func() error {
		answer, err = g.service.Lookup(ctx, tx, app, id)
		return err
	})
	return answer, err
}

func (g *guarded) MarkInUse(ctx context.Context, tx *Tx, app *Application, id CredentialsID) error {
	return g.breaker.call(func() error { return g.service.MarkInUse(ctx, tx, app, id) })
}

func (g *guarded) MarkRevoked(ctx context.Context, tx *Tx, app *Application, id CredentialsID) error {
	return g.breaker.call(func() error { return g.service.MarkRevoked(ctx, tx, app, id) })
}

func (g *guarded) VerifyProof(ctx context.Context, tx *Tx, app *Application, c Credentials, p Proof) error {
	return g.breaker.call(func() error { return g.prover.VerifyProof(ctx, tx, app, c, p) })
}

// tally counts the faults of one service on this node, over all revisions.
type tally struct {
	traps, timeouts, violations, opens atomic.Int64
}

func (t *tally) fault(f Fault) {
	switch f {
	case FaultTrap:
		t.traps.Add(1)
	case FaultTimeout:
		t.timeouts.Add(1)
	case FaultViolation:
		t.violations.Add(1)
	}
}

// Faults counts what went wrong with a custom service on this node since it
// has started.
type Faults struct {
	Service ServiceName
	Kinds   map[Fault]int64
	// Opens is how often the service was left alone, Closed whether it is
	// called at present.
	Opens  int64
	Closed bool
}

// Faults returns the counts of the custom services that run on this node.
func (e *Engine) Faults() []Faults {
	r := e.services
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Faults, 0, len(r.running))
	for name, run := range r.running {
		t := r.tallies[name]
		all = append(all, Faults{
			Service: name, Opens: t.opens.Load(), Closed: run.guard.breaker.closed.Load(),
			Kinds: map[Fault]int64{FaultTrap: t.traps.Load(), FaultTimeout: t.timeouts.Load(), FaultViolation: t.violations.Load()},
		})
	}
	return all
}

// health tells how a revision of a service fares on this node, or nil when it
// does not run here.
func (r *registry) health(s Service) *Health {
	r.mu.Lock()
	run := r.running[s.Name]
	r.mu.Unlock()
	if run == nil || run.version != s.Version {
		return nil
	}
	h := run.guard.breaker.now()
	return &h
}
