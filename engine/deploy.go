package engine

import (
	"bytes"
	"context"
	"encoding/json"
)

// KeptRevisions is how many revisions of a service stay for a rollback.
const KeptRevisions = 10

// ServiceSpec is what a caller says of a custom service.
type ServiceSpec struct {
	Module      Digest
	Config      json.RawMessage
	Grants      json.RawMessage
	Limits      json.RawMessage
	Description string
}

// DeployOptions change how a service is deployed.
type DeployOptions struct {
	// ValidateOnly does everything on this node but the write. It is nothing to
	// a rollback.
	ValidateOnly bool
	// Force deploys although some node has said that it cannot run the module.
	// Such a node then refuses what needs the service.
	Force bool
	// IfMatch, when not 0, must be the service's present version.
	IfMatch Revision
}

// DeployService makes a module serve under a name, in the place of what served
// before. The module is compiled and configured first, on every live node at the
// same time, so that what cannot serve is refused and changes nothing;
// calls in flight finish on the old revision. Service.Nodes of the answer names
// the nodes that were not ready when the time to wait for them was over.
//
// It is CodeConflict, with [Error.Nodes], when a node cannot run the module;
// CodeConflict also when somebody else deploys the service at the same time:
// one of them wins.
func (e *Engine) DeployService(ctx context.Context, caller Caller, name ServiceName, spec ServiceSpec, o DeployOptions) (Service, error) {
	if err := e.checkDeployable(name, &spec); err != nil {
		return Service{}, err
	}
	candidate := spec.service(name)
	if o.ValidateOnly {
		prepared, err := e.try(ctx, candidate)
		if err != nil {
			return Service{}, err
		}
		prepared.Close()
		return candidate, nil
	}
	return e.roll(ctx, caller, rollout{
		action: "service.deploy", name: name, options: o, service: candidate,
		spec: func(*Tx) (ServiceSpec, error) { return spec, nil },
	})
}

// try starts a service that is not deployed yet.
func (e *Engine) try(ctx context.Context, s Service) (RunningService, error) {
	if err := e.checkModule(ctx, s.Module); err != nil {
		return nil, err
	}
	return e.services.prepare(ctx, e.store, s)
}

// checkModule refuses to deploy what was not uploaded.
func (e *Engine) checkModule(ctx context.Context, d Digest) error {
	_, err := e.Module(ctx, d)
	if CodeOf(err) == CodeNotFound {
		return Errorf(CodeInvalid, "there is no module %s: upload it with POST /v1/modules first", d).InField("/module")
	}
	return err
}

func (s ServiceSpec) service(name ServiceName) Service {
	return Service{
		Name: name, Module: s.Module, Config: s.Config, Grants: s.Grants,
		Limits: s.Limits, Description: s.Description,
	}
}

func (e *Engine) checkDeployable(name ServiceName, spec *ServiceSpec) error {
	if err := name.check(); err != nil {
		return err
	}
	if _, builtin := e.services.builtins[name]; builtin {
		return Errorf(CodeConflict, "%s is a built-in service: choose another name", name).InField("/name")
	}
	d, err := ParseDigest(string(spec.Module))
	if err != nil {
		return err
	}
	spec.Module = d
	if len(spec.Description) > 1024 {
		return Errorf(CodeInvalid, "the description has more than 1024 bytes").InField("/description")
	}
	members := []struct {
		field string
		value json.RawMessage
	}{{"/config", spec.Config}, {"/grants", spec.Grants}, {"/limits", spec.Limits}}
	for _, m := range members {
		if len(m.value) > MaxBodyBytes {
			return Errorf(CodeTooLarge, "%s has more than %d bytes", m.field[1:], MaxBodyBytes).InField(m.field)
		}
		if len(m.value) > 0 && (!json.Valid(m.value) || bytes.TrimSpace(m.value)[0] != '{') {
			return Errorf(CodeInvalid, "%s must be a JSON object", m.field[1:]).InField(m.field)
		}
	}
	return nil
}

// activate writes the next revision of a service, in the place of its proposal.
func (e *Engine) activate(ctx context.Context, caller Caller, r rollout, p proposal) (Service, error) {
	s, rev, err := mutate(ctx, e, caller, func(tx *Tx) (Service, error) {
		old, err := tx.serviceRecord(ctx, r.name)
		if err != nil && CodeOf(err) != CodeNotFound {
			return Service{}, err
		}
		want, err := r.spec(tx)
		if err != nil {
			return Service{}, err
		}
		if err := tx.stillProposed(ctx, p, old.Version); err != nil {
			return Service{}, err
		}
		if _, err := tx.module(ctx, want.Module); err != nil {
			return Service{}, err
		}
		s := want.service(r.name)
		s.Number, s.DeployedAt, s.DeployedBy, s.Deployment = old.Number+1, e.now(), caller.User, p.Service.Deployment
		if err := tx.dropRevision(ctx, r.name, s.Number-KeptRevisions); err != nil {
			return s, err
		}
		tx.put(moduleUseKey(s.Module, r.name, s.Number), []byte(r.name))
		tx.put(moduleGuardKey(s.Module), nil)
		tx.delete(deployKey(r.name))
		tx.auditService(r.action, s)
		if err := tx.save(serviceRevKey(r.name, s.Number), s); err != nil {
			return s, err
		}
		return s, tx.save(serviceKey(r.name), s)
	})
	s.Version = rev
	return s, err
}

// stillProposed refuses to activate what others have come before.
func (tx *Tx) stillProposed(ctx context.Context, p proposal, base Revision) error {
	r, err := tx.get(ctx, deployKey(p.Service.Name))
	if err != nil {
		return err
	}
	var present proposal
	if r.Exists() {
		if present, err = decodeProposal(r); err != nil {
			return err
		}
	}
	switch {
	case present.Service.Deployment == p.Service.Deployment && base == p.Base:
		return nil
	case !r.Exists() && base == p.Base:
		return Errorf(CodeUnavailable, "this node lost touch with the others while it deployed: nothing was deployed, try again")
	}
	return overtaken(p.Service.Name)
}

// dropRevision removes a revision that is no longer kept.
func (tx *Tx) dropRevision(ctx context.Context, name ServiceName, n int) error {
	if n < 1 {
		return nil
	}
	r, err := tx.get(ctx, serviceRevKey(name, n))
	if err != nil || !r.Exists() {
		return err
	}
	old, err := decodeService(r)
	if err != nil {
		return err
	}
	tx.delete(serviceRevKey(name, n))
	tx.delete(moduleUseKey(old.Module, name, n))
	return nil
}

// ServiceRevisions lists the kept revisions of a custom service, oldest first.
func (e *Engine) ServiceRevisions(ctx context.Context, name ServiceName) ([]Service, error) {
	if _, err := e.Service(ctx, name); err != nil {
		return nil, err
	}
	page, err := e.store.List(ctx, ListRequest{Prefixes: []string{serviceRevPrefix(name)}, Limit: KeptRevisions + 1})
	if err != nil {
		return nil, err
	}
	revisions := make([]Service, 0, len(page.Records))
	for _, r := range page.Records {
		s, err := decodeService(r)
		if err != nil {
			return nil, err
		}
		revisions = append(revisions, s)
	}
	return revisions, nil
}

// RollbackService deploys an earlier revision again, under a new number, as
// DeployService does. A number of 0 means the one before the present.
func (e *Engine) RollbackService(ctx context.Context, caller Caller, name ServiceName, number int, o DeployOptions) (Service, error) {
	if _, builtin := e.services.builtins[name]; builtin {
		return Service{}, Errorf(CodeConflict, "%s is a built-in service: there is nothing to roll back", name)
	}
	var target Service
	_, err := e.run(ctx, caller, Strict, func(tx *Tx) (err error) {
		target, err = tx.rollbackTarget(ctx, name, number)
		return err
	})
	if err != nil {
		return Service{}, err
	}
	return e.roll(ctx, caller, rollout{
		action: "service.rollback", name: name, options: o, service: target.spec().service(name),
		spec: func(tx *Tx) (ServiceSpec, error) {
			again, err := tx.rollbackTarget(ctx, name, number)
			if err == nil && again.Number != target.Number {
				err = overtaken(name)
			}
			return again.spec(), err
		},
	})
}

// spec is what somebody said when this revision was deployed.
func (s Service) spec() ServiceSpec {
	return ServiceSpec{Module: s.Module, Config: s.Config, Grants: s.Grants, Limits: s.Limits, Description: s.Description}
}

func (tx *Tx) rollbackTarget(ctx context.Context, name ServiceName, number int) (Service, error) {
	current, err := tx.serviceRecord(ctx, name)
	if err != nil {
		return Service{}, err
	}
	if number == 0 {
		number = current.Number - 1
	}
	if number == current.Number {
		return Service{}, Errorf(CodeConflict, "revision %d of %s serves already", number, name)
	}
	if number < 1 {
		return Service{}, Errorf(CodeConflict, "there is no revision of %s before the present one", name)
	}
	r, err := tx.get(ctx, serviceRevKey(name, number))
	if err != nil {
		return Service{}, err
	}
	if !r.Exists() {
		return Service{}, Errorf(CodeNotFound, "revision %d of %s is not kept: see its revisions", number, name)
	}
	return decodeService(r)
}

// DeleteService removes a custom service that no application uses, with its
// revisions. Its state stays in the store until an application that had used
// it is deleted. ifMatch, when not 0, must be the service's version.
func (e *Engine) DeleteService(ctx context.Context, caller Caller, name ServiceName, ifMatch Revision) error {
	if _, builtin := e.services.builtins[name]; builtin {
		return Errorf(CodeConflict, "%s is a built-in service and stays", name)
	}
	rev, err := e.run(ctx, caller, Strict, func(tx *Tx) error {
		s, err := tx.serviceRecord(ctx, name)
		if err != nil {
			return err
		}
		if err := checkMatch(ifMatch, s.Version); err != nil {
			return err
		}
		if err := tx.load(ctx, useGuardKey(name)); err != nil {
			return err
		}
		uses, err := tx.list(ctx, serviceUsePrefix(name), "", 1)
		if err != nil {
			return err
		}
		if len(uses.Records) > 0 {
			return Errorf(CodeConflict, "the application %s uses %s: choose another service for it first", lastSegment(uses.Records[0].Key), name)
		}
		for n := max(1, s.Number-KeptRevisions+1); n <= s.Number; n++ {
			if err := tx.dropRevision(ctx, name, n); err != nil {
				return err
			}
		}
		tx.delete(serviceKey(name))
		tx.audit("service.delete", "", string(name)).Service = name
		return nil
	})
	if err == nil {
		e.services.drop(name, rev)
	}
	return err
}
