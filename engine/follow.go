package engine

import (
	"context"
	"errors"
	"sync"
	"time"
)

// followRetry is the pause after a watch was lost.
const followRetry = time.Second

// follower keeps up with the records below a prefix.
type follower struct {
	prefix string
	put    func(context.Context, Record)
	gone   func(ctx context.Context, key string, at Revision)
	listed func(keys map[string]bool) // all of them, after each listing; may be nil
	// reached tells of each revision whose changes the watch has shown, and
	// never of what was listed; may be nil.
	reached func(Revision)
}

// follow tells f of all records below its prefix, then of each that changes,
// until ctx is done. When the watch is lost it begins anew.
func (e *Engine) follow(ctx context.Context, f follower) error {
	for ctx.Err() == nil {
		after, err := e.list(ctx, f)
		if err == nil {
			err = e.watch(ctx, f, after)
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		if !errors.Is(err, ErrCompacted) {
			e.log.Warn("lost sight of what other nodes do, looking again", "records", f.prefix, "error", err)
		}
		select {
		case <-time.After(followRetry):
		case <-ctx.Done():
		}
	}
	return nil
}

// list tells of all records and returns the revision at which they were
// listed.
func (e *Engine) list(ctx context.Context, f follower) (Revision, error) {
	request := ListRequest{Prefixes: []string{f.prefix}, Limit: MaxListLimit}
	keys := map[string]bool{}
	for {
		page, err := e.store.List(ctx, request)
		if err != nil {
			return 0, err
		}
		for _, r := range page.Records {
			f.put(ctx, r)
			request.After, keys[r.Key] = r.Key, true
		}
		if !page.More {
			if f.listed != nil {
				f.listed(keys)
			}
			return page.Revision, nil
		}
		request.Consistency = AsOf(page.Revision)
	}
}

func (e *Engine) watch(ctx context.Context, f follower, after Revision) error {
	for changes, err := range e.store.Watch(ctx, f.prefix, after) {
		if err != nil {
			return err
		}
		for _, event := range changes.Events {
			if event.Deleted {
				f.gone(ctx, event.Key, changes.Revision)
				continue
			}
			f.put(ctx, event.Record)
		}
		if f.reached != nil {
			f.reached(changes.Revision)
		}
	}
	return nil
}

// followServices keeps this node's custom services in step with the store, so
// that they are ready when they are asked: all of them at the start, then each
// that is deployed or deleted. Nothing depends on it: whoever finds a service
// not running starts it.
func (e *Engine) followServices(ctx context.Context) error {
	return e.follow(ctx, follower{
		prefix: serviceKey(""),
		put:    e.startRecord,
		gone: func(_ context.Context, key string, at Revision) {
			e.services.drop(ServiceName(lastSegment(key)), at)
		},
	})
}

// startRecord starts one service. A failure is logged; those who ask for the
// service get the reason.
func (e *Engine) startRecord(ctx context.Context, r Record) {
	s, err := decodeService(r)
	if err == nil {
		var run *running
		if run, err = e.services.start(ctx, e.store, s); err == nil {
			lease{of: run}.release()
		}
	}
	if err != nil && !errors.Is(err, ErrConflict) && ctx.Err() == nil {
		e.log.Error("a credentials service cannot start on this node", "service", lastSegment(r.Key), "error", err)
	}
}

// followCandidates starts the services that other nodes are about to deploy,
// so that the deployment finds them ready. It returns when all of those starts
// have ended.
func (e *Engine) followCandidates(ctx context.Context) error {
	var starts sync.WaitGroup
	defer starts.Wait()
	return e.follow(ctx, follower{
		prefix: deployKey(""),
		put: func(ctx context.Context, r Record) {
			p, err := decodeProposal(r)
			if err != nil {
				e.log.Error("a deployment under way cannot be read", "service", lastSegment(r.Key), "error", err)
				return
			}
			if p.By != e.self.node.ID { // which starts it itself
				starts.Go(func() { e.makeReady(ctx, p) })
			}
		},
		gone: func(ctx context.Context, key string, _ Revision) { e.settle(ctx, ServiceName(lastSegment(key))) },
		listed: func(keys map[string]bool) {
			e.services.dropCandidates(func(c *candidate) bool { return !c.own && !keys[deployKey(c.Name)] })
		},
	})
}

// makeReady starts the service that another node has proposed.
func (e *Engine) makeReady(ctx context.Context, p proposal) {
	name := p.Service.Name
	snap, err := e.store.Read(ctx, Strict, deployKey(name))
	if err != nil {
		return
	}
	if now, err := decodeProposal(snap.Records[0]); err != nil || now.Service.Deployment != p.Service.Deployment {
		return // it is over, or overtaken: this node has heard of it late
	}
	e.catchUp(ctx, p)
	_ = e.services.ready(ctx, e.store, p, false) // this node's record tells how it went
	e.settle(ctx, name)                          // should it be over by now
}

// catchUp makes room for what a proposal asks for: what this node still holds
// for the deployment before is taken, if that was activated.
func (e *Engine) catchUp(ctx context.Context, p proposal) {
	if e.services.held(p.Service.Name) == nil || e.services.runs(p.Service.Name, p.Base) {
		return
	}
	snap, err := e.store.Read(ctx, Strict, serviceKey(p.Service.Name))
	if err == nil && snap.Records[0].Exists() {
		e.startRecord(ctx, snap.Records[0])
	}
}

// settle gives up what was started for a deployment that is over, unless it was
// activated and the service is still to be taken.
func (e *Engine) settle(ctx context.Context, name ServiceName) {
	held := e.services.held(name) // of a later one the state that is read now says nothing
	if held == nil || held.own {
		return
	}
	snap, err := e.store.Read(ctx, Strict, serviceKey(name), deployKey(name))
	if err != nil {
		return // the next deployment, or time, ends the candidate
	}
	var s Service
	var p proposal
	if r := snap.Records[0]; r.Exists() {
		s, err = decodeService(r)
	}
	if r := snap.Records[1]; r.Exists() && err == nil {
		p, err = decodeProposal(r)
	}
	if err != nil {
		return
	}
	taken := e.services.runs(name, s.Version)
	if held.Deployment == p.Service.Deployment || held.Deployment == s.Deployment && !taken {
		return
	}
	e.services.dropCandidates(func(c *candidate) bool { return c == held })
}
