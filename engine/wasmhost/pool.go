package wasmhost

import (
	"bytes"
	"slices"
	"time"

	"github.com/credence-engine/credence/engine"
)

// pool holds the instances of one application. No other application's call
// ever meets them. All of it but the gate is guarded by the service's mutex.
type pool struct {
	gate   *gate
	patch  []byte // the application's configuration that config was made with
	config *configuration
	idle   []*instance
	users  int // calls that have the pool
}

// sweepEvery is how often idle instances are looked through for old ones.
const sweepEvery = time.Minute

// enter returns the application's pool for a call, to be followed by leave.
func (s *service) enter(app *engine.Application) (*pool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, s.replaced()
	}
	p := s.pools[app.ID]
	if p == nil {
		p = &pool{gate: newGate(&s.limits)}
	}
	if p.config == nil || !bytes.Equal(p.patch, app.ServiceConfig) {
		config, err := configure(s.base, app.ServiceConfig)
		if err != nil {
			return nil, engine.Wrap(err, engine.CodeModuleFault, "the configuration of this application cannot be given to the module: write its serviceConfig anew")
		}
		closeAll(p.idle)
		p.patch, p.config, p.idle = bytes.Clone(app.ServiceConfig), config, nil
	}
	s.pools[app.ID] = p
	p.users++
	s.calls.Add(1)
	return p, nil
}

// leave ends a call. A pool that holds nothing is forgotten.
func (s *service) leave(app engine.ApplicationID, p *pool) {
	s.mu.Lock()
	p.users--
	if p.users == 0 && len(p.idle) == 0 {
		delete(s.pools, app)
	}
	s.mu.Unlock()
	s.calls.Done()
}

// take returns an idle instance, the one used last, or nil.
func (s *service) take(p *pool) (*instance, *configuration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := len(p.idle); n > 0; n = len(p.idle) {
		i := p.idle[n-1]
		p.idle = p.idle[:n-1]
		if !i.spent(time.Now()) {
			return i, p.config
		}
		i.close()
	}
	return nil, p.config
}

// put gives an instance back. One that is spent, or of a configuration that no
// longer holds, ends here.
func (s *service) put(p *pool, i *instance) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || i.call.config != p.config || i.spent(now) {
		i.close()
	} else {
		p.idle = append(p.idle, i)
	}
	if now.Sub(s.swept) > sweepEvery {
		s.swept = now
		s.sweep(now)
	}
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
