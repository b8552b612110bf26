package engine

import (
	"context"
	"fmt"
	"time"
)

// candidate is a service that a node starts before it is deployed. There is at
// most one of each name: a newer one takes the place of the older.
type candidate struct {
	NodeService
	own     bool // of a deployment by this node
	since   time.Time
	done    chan struct{} // closed when it is ready or has failed
	service RunningService
	err     error
}

// candidateKept is how long a node holds a candidate whose end it has missed.
// It goes by the node's own clock, and is longer than any deployment.
const candidateKept = 10 * time.Minute

// ready starts the service of a deployment, by this node or another one, and
// holds it until it is taken or dropped.
func (r *registry) ready(ctx context.Context, store Store, p proposal, own bool) error {
	s := p.Service
	c := &candidate{NodeService: s.standing(ServiceStarting, nil), own: own, since: time.Now(), done: make(chan struct{})}
	if !r.enter(c) {
		return errClosing
	}
	service, err := r.prepare(ctx, store, s)
	r.mu.Lock()
	c.service, c.err = service, err
	c.State = ServiceReady // whose it is stays, and may be read without the lock
	if err != nil {
		c.State, c.Detail = ServiceFailed, wordsOf(err)
	}
	r.mu.Unlock()
	close(c.done)
	r.tell()
	return err
}

// enter puts a candidate in the place of the one before. It reports false when
// the node is shutting down, or has this one already.
func (r *registry) enter(c *candidate) bool {
	r.mu.Lock()
	old := r.candidates[c.Name]
	if r.closed || old != nil && old.Deployment == c.Deployment {
		r.mu.Unlock()
		return false
	}
	r.candidates[c.Name] = c
	r.mu.Unlock()
	r.abandon(old)
	r.tell()
	return true
}

// held returns the candidate of a name, or nil.
func (r *registry) held(name ServiceName) *candidate {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.candidates[name]
}

// take hands out the service that was started for the deployment that made a
// record, waiting until it is. There may be none: then both results are nil.
func (r *registry) take(ctx context.Context, record Service) (RunningService, error) {
	r.mu.Lock()
	c := r.candidates[record.Name]
	if c == nil || record.Deployment == "" || c.Deployment != record.Deployment {
		r.mu.Unlock()
		return nil, nil
	}
	delete(r.candidates, record.Name)
	r.mu.Unlock()
	r.tell()
	select {
	case <-c.done:
		return c.service, c.err
	case <-ctx.Done():
		r.abandon(c)
		return nil, Wrap(ctx.Err(), CodeUnavailable, fmt.Sprintf("the credentials service %q is still starting on this node: try again", record.Name))
	}
}

// dropCandidates gives up those of which gone is true.
func (r *registry) dropCandidates(gone func(*candidate) bool) {
	r.mu.Lock()
	var dropped []*candidate
	for name, c := range r.candidates {
		if gone(c) {
			dropped = append(dropped, c)
			delete(r.candidates, name)
		}
	}
	r.mu.Unlock()
	for _, c := range dropped {
		r.abandon(c)
	}
	if len(dropped) > 0 {
		r.tell()
	}
}

// abandon ends a candidate's service, once it has been started.
func (r *registry) abandon(c *candidate) {
	if c == nil {
		return
	}
	end := func() {
		<-c.done
		if c.service != nil {
			c.service.Close()
		}
	}
	select {
	case <-c.done:
		end()
	default:
		r.work.Go(end)
	}
}
