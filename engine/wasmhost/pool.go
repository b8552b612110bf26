package wasmhost

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/credence-engine/credence/engine"
)

// pool holds the instances of one application. No other application's call
// ever meets them. All of it is guarded by the service's mutex.
type pool struct {
	gate   gate
	patch  []byte // the application's configuration that config was made with
	config *configuration
	idle   []*instance
	users  int // calls that have the pool
}

// visit is a call's stay in a pool.
type visit struct {
	app    engine.ApplicationID
	pool   *pool
	config *configuration
	// instance is nil until one is started, if none was idle.
	instance *instance
	now      time.Time // asked once, since on a call as short as most are it costs
}

// sweepEvery is how often idle instances are looked through for old ones.
const sweepEvery = time.Minute

// enter takes a place in the application's pool, then a turn on this node, and
// an idle instance if there is one. It is to be followed by leave.
func (s *service) enter(ctx context.Context, app *engine.Application) (visit, error) {
	v := visit{app: app.ID, now: time.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if v.pool, err = s.poolOf(app); err != nil {
		return v, err
	}
	v.pool.users++
	s.calls.Add(1)
	if !v.pool.gate.pass() {
		if err := s.wait(ctx, v.pool); err != nil {
			s.forget(v)
			return v, err
		}
		v.now = time.Now()
	}
	if !s.lane.pass() {
		if err := s.waitTurn(ctx); err != nil {
			v.pool.gate.leave()
			s.forget(v)
			return v, err
		}
		v.now = time.Now()
	}
	v.config = v.pool.config
	v.instance = v.pool.take(v.now)
	return v, nil
}

// wait waits for a place, with the mutex released meanwhile.
func (s *service) wait(ctx context.Context, p *pool) error {
	turn, err := p.gate.line()
	if err != nil {
		return err
	}
	s.mu.Unlock()
	err = p.gate.await(ctx, turn)
	s.mu.Lock()
	if err != nil && p.gate.quit(turn) {
		return nil // given at the last moment
	}
	return err
}

// waitTurn waits for a turn on this node, with the mutex released meanwhile. It
// may take as long as a call: without turns, that would be what all who run at
// once wait for each other.
func (s *service) waitTurn(ctx context.Context) error {
	s.mu.Unlock()
	defer s.mu.Lock()
	return s.lane.take(ctx, s.limits.CallTimeout, s.limits.Queue)
}

// poolOf returns the application's pool, with its configuration as of now.
func (s *service) poolOf(app *engine.Application) (*pool, error) {
	if s.closed {
		return nil, s.replaced()
	}
	p := s.pools[app.ID]
	if p != nil && bytes.Equal(p.patch, app.ServiceConfig) {
		return p, nil
	}
	config, err := configure(s.base, app.ServiceConfig)
	if err != nil {
		return nil, engine.Wrap(err, engine.CodeModuleFault, "the configuration of this application cannot be given to the module: write its serviceConfig anew")
	}
	if p == nil {
		p = &pool{gate: gate{limits: &s.limits}}
		s.pools[app.ID] = p
	}
	closeAll(p.idle)
	p.patch, p.config, p.idle = bytes.Clone(app.ServiceConfig), config, nil
	return p, nil
}

// take returns the idle instance that was used last, or nil.
func (p *pool) take(now time.Time) *instance {
	for n := len(p.idle); n > 0; n = len(p.idle) {
		i := p.idle[n-1]
		p.idle = p.idle[:n-1]
		if !i.spent(now) {
			return i
		}
		i.close()
	}
	return nil
}

// leave ends a call and gives its instance back, if it had one. An instance
// that is spent, or of a configuration that no longer holds, ends here.
func (s *service) leave(v visit) {
	if v.instance != nil {
		v.instance.call.turn.give()
	} else {
		s.lane.give()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := v.instance; i != nil {
		if s.closed || v.config != v.pool.config || i.spent(v.now) {
			i.close()
		} else {
			v.pool.idle = append(v.pool.idle, i)
		}
	}
	v.pool.gate.leave()
	s.forget(v)
	if v.now.Sub(s.swept) > sweepEvery {
		s.swept = v.now
		s.sweep(v.now)
	}
}

// forget ends a call's use of its pool. A pool that holds nothing is dropped.
func (s *service) forget(v visit) {
	v.pool.users--
	if v.pool.users == 0 && len(v.pool.idle) == 0 {
		delete(s.pools, v.app)
	}
	s.calls.Done()
}

// sweep ends instances that have grown old without being called.
func (s *service) sweep(now time.Time) {
	for app, p := range s.pools {
		p.idle = slices.DeleteFunc(p.idle, func(i *instance) bool {
			if i.spent(now) {
				i.close()
				return true
			}
			return false
		})
		if p.users == 0 && len(p.idle) == 0 {
			delete(s.pools, app)
		}
	}
}

func closeAll(instances []*instance) {
	for _, i := range instances {
		i.close()
	}
}
