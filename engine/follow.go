package engine

import (
	"context"
	"errors"
	"time"
)

// followRetry is the pause after the watch of services was lost.
const followRetry = time.Second

// followServices keeps this node's custom services in step with the store, so
// that they are ready when they are asked: all of them at the start, then each
// that is deployed or deleted. Nothing depends on it: whoever finds a service
// not running starts it.
func (e *Engine) followServices(ctx context.Context) error {
	for ctx.Err() == nil {
		after, err := e.startServices(ctx)
		if err == nil {
			err = e.watchServices(ctx, after)
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		if !errors.Is(err, ErrCompacted) {
			e.log.Warn("lost sight of the credentials services, looking again", "error", err)
		}
		select {
		case <-time.After(followRetry):
		case <-ctx.Done():
		}
	}
	return nil
}

// startServices starts all custom services and returns the revision at which
// they were listed.
func (e *Engine) startServices(ctx context.Context) (Revision, error) {
	request := ListRequest{Prefixes: []string{serviceKey("")}, Limit: MaxListLimit}
	for {
		page, err := e.store.List(ctx, request)
		if err != nil {
			return 0, err
		}
		for _, r := range page.Records {
			e.startRecord(ctx, r)
			request.After = r.Key
		}
		if !page.More {
			return page.Revision, nil
		}
		request.Consistency = AsOf(page.Revision)
	}
}

func (e *Engine) watchServices(ctx context.Context, after Revision) error {
	for changes, err := range e.store.Watch(ctx, serviceKey(""), after) {
		if err != nil {
			return err
		}
		for _, event := range changes.Events {
			if event.Deleted {
				e.services.drop(ServiceName(lastSegment(event.Key)), changes.Revision)
				continue
			}
			e.startRecord(ctx, event.Record)
		}
	}
	return nil
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
