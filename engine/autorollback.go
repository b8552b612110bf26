package engine

import (
	"bytes"
	"context"
	"errors"
	"slices"
)

// broken names a revision of a service that a node has quarantined.
type broken struct {
	name    ServiceName
	version Revision
}

// replaceBroken returns services to an earlier revision when the present one
// is quarantined on this node. A failure is logged; the breaker tells again
// the next time that it opens.
func (e *Engine) replaceBroken(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case b := <-e.services.broken:
			if err := e.replace(ctx, b); err != nil && ctx.Err() == nil {
				e.log.Error("a credentials service that keeps failing could not be rolled back; it will be tried again", "service", b.name, "error", err)
			}
		}
	}
}

// replace marks the revision, so that nothing ever rolls back to it, and
// deploys the newest kept one that differs from all that are marked.
// Of several nodes that do so, one wins; the others find it done.
func (e *Engine) replace(ctx context.Context, b broken) error {
	caller := Caller{User: "engine"}
	if err := e.quarantine(ctx, caller, b); err != nil {
		return ignoreSuperseded(err)
	}
	for failed := []int(nil); ; {
		target, err := e.sound(ctx, b, failed)
		if err != nil {
			return ignoreSuperseded(err)
		}
		if target.Number == 0 {
			e.log.Error("a credentials service keeps failing and there is no earlier revision to return to: deploy another module or configuration", "service", b.name)
			return nil
		}
		deployed, err := e.rollBackTo(ctx, caller, b, target)
		switch {
		case err == nil:
			e.log.Error("a credentials service kept failing and was rolled back",
				"service", b.name, "to", target.Number, "revision", deployed.Number, "module", deployed.Module)
			return nil
		case cannotServe(err):
			failed = append(failed, target.Number)
		default:
			return ignoreSuperseded(err)
		}
	}
}

// cannotServe tells that a revision is no better choice than the broken one,
// here or on another node.
func cannotServe(err error) bool {
	e, _ := asError(err)
	switch CodeOf(err) {
	case CodeInvalid, CodeTooLarge, CodeUnsupported, CodeDenied, CodeModuleFault:
		return true
	case CodeConflict:
		return e != nil && (len(e.Nodes) > 0 || e.Field != "")
	default:
		return false
	}
}

// errSuperseded says that another revision serves already.
var errSuperseded = errors.New("another revision serves already")

// ignoreSuperseded makes no error of what somebody else has done, or is about
// to do: a deployment under way is a conflict.
func ignoreSuperseded(err error) error {
	switch CodeOf(err) {
	case CodeStale, CodeNotFound, CodeConflict:
		return nil
	}
	if errors.Is(err, errSuperseded) {
		return nil
	}
	return err
}

// present returns the service's record if it is still the broken revision.
func (tx *Tx) present(ctx context.Context, b broken) (Service, error) {
	s, err := tx.serviceRecord(ctx, b.name)
	if err == nil && s.Version != b.version {
		err = errSuperseded
	}
	return s, err
}

// quarantine marks a revision, once.
func (e *Engine) quarantine(ctx context.Context, caller Caller, b broken) error {
	_, err := e.run(ctx, caller, Strict, func(tx *Tx) error {
		s, err := tx.present(ctx, b)
		if err != nil {
			return err
		}
		r, err := tx.get(ctx, serviceRevKey(b.name, s.Number))
		if err != nil || !r.Exists() {
			return err
		}
		kept, err := decodeService(r)
		if err != nil || !kept.QuarantinedAt.IsZero() {
			return err
		}
		kept.QuarantinedAt = e.now()
		tx.auditService("service.quarantine", s)
		return tx.save(serviceRevKey(b.name, s.Number), kept)
	})
	return err
}

// sound finds the newest kept revision that is none of failed and does what no
// quarantined one does. Its number is 0 when there is none.
func (e *Engine) sound(ctx context.Context, b broken, failed []int) (target Service, err error) {
	_, err = e.run(ctx, Caller{}, Strict, func(tx *Tx) error {
		target = Service{}
		s, err := tx.present(ctx, b)
		if err != nil {
			return err
		}
		bad, kept := []Service{s}, []Service(nil) // newest first
		for n := s.Number - 1; n > max(0, s.Number-KeptRevisions); n-- {
			r, err := tx.get(ctx, serviceRevKey(b.name, n))
			if err != nil {
				return err
			}
			if !r.Exists() {
				continue
			}
			old, err := decodeService(r)
			if err != nil {
				return err
			}
			if kept = append(kept, old); !old.QuarantinedAt.IsZero() || slices.Contains(failed, n) {
				bad = append(bad, old)
			}
		}
		for _, old := range kept {
			if !old.doesAsAny(bad) {
				target = old
				return nil
			}
		}
		return nil
	})
	return target, err
}

// doesAsAny tells whether one of the others is the same module with the same
// settings.
func (s Service) doesAsAny(others []Service) bool {
	for _, o := range others {
		if s.Module == o.Module && bytes.Equal(s.Config, o.Config) && bytes.Equal(s.Grants, o.Grants) && bytes.Equal(s.Limits, o.Limits) {
			return true
		}
	}
	return false
}

// rollBackTo deploys an earlier revision in the place of the broken one.
func (e *Engine) rollBackTo(ctx context.Context, caller Caller, b broken, target Service) (Service, error) {
	spec := target.spec()
	return e.roll(ctx, caller, rollout{
		action: "service.autorollback", name: b.name, options: DeployOptions{IfMatch: b.version},
		service: spec.service(b.name), spec: func(*Tx) (ServiceSpec, error) { return spec, nil },
	})
}
