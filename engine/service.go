package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// CredentialsService decides about the credentials of an application's
// endpoints. Built-in services and WebAssembly modules implement it alike.
//
// Calls are concurrent. What a service reads and writes goes through tx and
// commits with the engine's own records; since a conflict runs the operation
// again, a method must have no effect outside tx that may not happen twice.
// The engine checks every answer: the id must be the one asked for, the status
// known, sizes within limits.
//
// Errors: [ErrNotFound] for an unknown id; an *Error with CodeUnsupported for
// an operation that the service does not offer, CodeDenied (with a reason for
// operators) to refuse; any other error means that no decision was reached.
type CredentialsService interface {
	// Provide registers credentials, or refuses. It returns them as stored:
	// the same id and body.
	Provide(ctx context.Context, tx *Tx, app *Application, c Credentials) (Credentials, error)
	// Lookup returns the credentials with their present status.
	Lookup(ctx context.Context, tx *Tx, app *Application, id CredentialsID) (Credentials, error)
	// MarkInUse tells that an endpoint claims the credentials. It runs in the
	// unit of work of the claim; an error refuses the claim.
	MarkInUse(ctx context.Context, tx *Tx, app *Application, id CredentialsID) error
	// MarkRevoked tells that the credentials are revoked. The engine refuses
	// them from then on, whatever the service answers.
	MarkRevoked(ctx context.Context, tx *Tx, app *Application, id CredentialsID) error
}

// ConfigChecker is an optional extra of a CredentialsService: it says whether
// an application's configuration can be served, before it is written.
type ConfigChecker interface {
	CheckConfig(ctx context.Context, app *Application) error
}

// RunningService is a custom service that a runtime has started.
type RunningService interface {
	CredentialsService
	// Close waits for calls in flight and releases everything.
	Close()
}

// ModuleRuntime runs custom services; engine/wasmhost implements it.
type ModuleRuntime interface {
	// Inspect checks a module without running it and says what it is. A
	// refusal is an *Error with CodeInvalid or CodeTooLarge that names the
	// reason and the offset.
	Inspect(ctx context.Context, wasm []byte) (Module, error)
	// Start compiles and configures a service, and fails when the module
	// cannot serve with these settings. fetch returns the module's bytes,
	// checked against the digest.
	Start(ctx context.Context, s Service, fetch func(context.Context) ([]byte, error)) (RunningService, error)
}

// Service is a named credentials service, as applications choose it.
type Service struct {
	Name        ServiceName     `cbor:"1,keyasint"`
	Module      Digest          `cbor:"2,keyasint,omitempty"` // empty for built-in services
	Config      json.RawMessage `cbor:"3,keyasint,omitempty"` // a JSON object, given to the module
	Grants      json.RawMessage `cbor:"4,keyasint,omitempty"` // capabilities allowed; empty is the runtime's default set
	Limits      json.RawMessage `cbor:"5,keyasint,omitempty"` // lower limits than the runtime's defaults
	Description string          `cbor:"6,keyasint,omitempty"`
	// Number counts the revisions of this name, from 1.
	Number     int       `cbor:"7,keyasint"`
	DeployedAt time.Time `cbor:"8,keyasint"`
	DeployedBy UserName  `cbor:"9,keyasint,omitempty"`
	// Deployment is the id of the deployment that made this revision: nodes
	// tell by it which of the services that they have started it is.
	Deployment string `cbor:"10,keyasint,omitempty"`
	// Nodes say how far each live node was when it was deployed. It is part of
	// the answer to a deployment and not kept.
	Nodes []NodeReport `cbor:"-"`
	// QuarantinedAt is when this revision had failed so often that nothing
	// returns to it any more. It stands in the kept revisions only.
	QuarantinedAt time.Time `cbor:"12,keyasint,omitzero"`
	// Health is how the service fares on the node that was asked; nil for
	// built-in services, and where this revision does not run.
	Health *Health `cbor:"-"`

	Version Revision `cbor:"-"`
}

// Kind is "builtin" or "module".
func (s Service) Kind() string {
	if s.Module == "" {
		return "builtin"
	}
	return "module"
}

func decodeService(r Record) (Service, error) {
	s := Service{Version: r.Version}
	return s, decode(r, &s)
}

// Services lists all services, built-in and custom, sorted by name.
func (e *Engine) Services(ctx context.Context) ([]Service, error) {
	services := make([]Service, 0, 8)
	for name := range e.services.builtins {
		services = append(services, e.services.builtin(name))
	}
	after := ""
	for {
		page, err := e.store.List(ctx, ListRequest{Prefixes: []string{serviceKey("")}, After: after, Limit: MaxListLimit})
		if err != nil {
			return nil, err
		}
		for _, r := range page.Records {
			s, err := decodeService(r)
			if err != nil {
				return nil, err
			}
			services, after = append(services, s), r.Key
		}
		if !page.More {
			break
		}
	}
	slices.SortFunc(services, func(a, b Service) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return services, nil
}

// Service returns one service by name.
func (e *Engine) Service(ctx context.Context, name ServiceName) (Service, error) {
	if _, ok := e.services.builtins[name]; ok {
		return e.services.builtin(name), nil
	}
	var s Service
	_, err := e.run(ctx, Caller{}, Strict, func(tx *Tx) (err error) {
		s, err = tx.serviceRecord(ctx, name)
		return err
	})
	s.Health = e.services.health(s)
	return s, err
}

func (tx *Tx) serviceRecord(ctx context.Context, name ServiceName) (Service, error) {
	r, err := tx.get(ctx, serviceKey(name))
	if err != nil {
		return Service{}, err
	}
	if !r.Exists() {
		return Service{}, Errorf(CodeNotFound, "there is no credentials service %.64q: see GET /v1/credentials-services for those that exist", string(name))
	}
	return decodeService(r)
}

// checkService refuses an application whose service does not exist or cannot
// serve its configuration.
func (e *Engine) checkService(ctx context.Context, tx *Tx, app *Application) error {
	lease, err := e.services.acquire(ctx, tx, app)
	if lease.missing {
		return e.unknownService(ctx, app.Service)
	}
	if err != nil {
		return err
	}
	defer lease.release()
	if err := lease.checkPolicy(app); err != nil {
		return err
	}
	return lease.checkConfig(ctx, app)
}

func (e *Engine) unknownService(ctx context.Context, name ServiceName) error {
	services, err := e.Services(ctx)
	if err != nil {
		return err
	}
	names := make([]string, len(services))
	for i, s := range services {
		names[i] = string(s.Name)
	}
	return Errorf(CodeInvalid, "there is no credentials service %.64q: choose one of %s", string(name), strings.Join(names, ", ")).InField("/credentialsService")
}

// auditService names what was done to a revision.
func (tx *Tx) auditService(action string, s Service) {
	entry := tx.audit(action, "", fmt.Sprintf("%s revision %d %s", s.Name, s.Number, s.Module))
	entry.Service, entry.Number, entry.Module = s.Name, s.Number, s.Module
}
