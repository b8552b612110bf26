package wasmhost

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/wasmabi"
)

// SandboxOptions say how a module runs in a [Sandbox]. The zero value is a
// service without configuration and state, with the grants and limits of a
// service that says nothing about them.
type SandboxOptions struct {
	// Config, Grants and Limits are those of the service, as in a deployment.
	// Without grants the module is granted what it asks for.
	Config, Grants, Limits json.RawMessage
	// Application is the id of the application that is asked about; "sandbox"
	// when empty.
	Application string
	// RequestID goes with each operation, and may be empty.
	RequestID string
	// State is what kv holds at first. It is copied.
	State map[string][]byte
	// Network lets operations use http, as far as it is granted.
	Network bool
	// Transport, when not nil, answers their requests in place of the network.
	Transport http.RoundTripper
	// Secrets, when not nil, has the secrets in place of the runtime's.
	Secrets SecretReader
}

// Sandbox runs one module without an engine, for its author: one instance, as a
// server runs it, on a state in memory. What an operation writes is kept when
// it succeeds and forgotten otherwise. It is for one goroutine.
type Sandbox struct {
	service  *service
	own      bool // the service ends with the sandbox
	config   *configuration
	of       subject
	state    map[string][]byte
	network  bool
	instance *instance // nil before the first use, and after one that went wrong
}

// Operation is one question to a module.
type Operation struct {
	// Method is the name of the export to call, as in [Methods].
	Method string
	// ID is the credentials' id.
	ID string
	// Body and NotAfter are those of credentials to provide, or to judge a
	// proof for; a zero time is none.
	Body     []byte
	NotAfter time.Time
	// Proof is what verify_proof judges, for credentials that are AVAILABLE.
	Proof engine.Proof
}

// Outcome is what an operation led to.
type Outcome struct {
	// Fault is set when the module reached no decision: it trapped, broke the
	// contract or ran out of time. It is an *engine.Error that says so, and the
	// next operation runs on a fresh instance.
	Fault error
	// Status is the module's answer, when there is no fault. A lookup with an
	// empty answer is NOT_FOUND.
	Status wasmabi.Status
	// Reason is what the module gave to error_write with a status that is not
	// OK, made safe to print.
	Reason string
	// Credentials are the answer of a lookup or a provision that succeeded.
	Credentials *engine.Credentials
	// Changed tells that the operation has changed the state.
	Changed bool
	// Used is what the operation cost.
	Used Usage
}

// Usage is what an operation cost.
type Usage struct {
	Time      time.Duration // of the call alone
	HostCalls int           // counted calls of host functions
	KvCalls   int           // of them, those of kv
	Fuel      int64         // spent, which is at least the number of instructions that ran
	Memory    int           // bytes of linear memory after the operation
}

// Sandbox reads and compiles a module for its author. The errors are those of
// an upload and a deployment. The caller closes the sandbox before the runtime.
func (r *Runtime) Sandbox(ctx context.Context, wasm []byte, o SandboxOptions) (*Sandbox, error) {
	p, err := r.read(wasm)
	if err != nil {
		return nil, err
	}
	config, err := configure(o.Config, nil)
	if err != nil {
		return nil, engine.Errorf(engine.CodeInvalid, "%v", err).InField("/config")
	}
	s, err := r.build(ctx, p, engine.Service{
		Name: "sandbox", Module: engine.DigestOf(wasm), Config: o.Config, Grants: p.granted(o.Grants), Limits: o.Limits,
	})
	if err != nil {
		return nil, err
	}
	if o.Secrets != nil {
		s.rights.vault = o.Secrets
	}
	if s.rights.client != nil {
		s.rights.client.instead = o.Transport
	}
	box := s.sandbox(config, subject{application: o.Application, request: o.RequestID})
	box.own, box.state, box.network = true, snapshot(o.State), o.Network || o.Transport != nil
	if box.of.application == "" {
		box.of.application = "sandbox"
	}
	return box, nil
}

// granted are the grants that a tool for authors works with: those given, or
// all that the module asks for.
func (p *program) granted(given json.RawMessage) json.RawMessage {
	if len(given) > 0 {
		return given
	}
	all, err := p.manifest.capabilities.MarshalJSON()
	if err != nil {
		return nil // what was read can be written
	}
	return all
}

// sandbox makes one around a service that goes on after it.
func (s *service) sandbox(config *configuration, of subject) *Sandbox {
	return &Sandbox{service: s, config: config, of: of, state: map[string][]byte{}}
}

// Start starts and configures an instance, if none waits. The error is an
// *engine.Error that says why the module cannot serve.
func (b *Sandbox) Start(ctx context.Context) error {
	if err := b.start(ctx); err != nil {
		return inField(unfit(err, "its start"), "/config")
	}
	return nil
}

// start does so too; its errors are *fault or *aborted.
func (b *Sandbox) start(ctx context.Context) (err error) {
	if b.instance == nil {
		b.instance, err = b.service.start(ctx, b.config, b.of)
	}
	return err
}

// Do runs one operation. The error says that none ran: an unknown method, or an
// instance that does not start.
func (b *Sandbox) Do(ctx context.Context, asked Operation) (Outcome, error) {
	m := slices.Index(exportOf[:], asked.Method)
	if m < 0 {
		return Outcome{}, engine.Errorf(engine.CodeInvalid, "there is no method %.64q: use one of %q", asked.Method, exportOf)
	}
	if !b.service.methods[m] {
		return Outcome{Status: wasmabi.Unsupported, Reason: "the module does not export " + asked.Method}, nil
	}
	if err := b.Start(ctx); err != nil {
		return Outcome{}, err
	}
	out, err := b.serve(ctx, operation{
		method: method(m), proof: asked.Proof,
		asked: engine.Credentials{ID: engine.CredentialsID(asked.ID), Body: asked.Body, NotAfter: asked.NotAfter, Status: engine.Available},
	})
	if err != nil {
		out.Fault = unfit(err, asked.Method)
	}
	return out, nil
}

// serve runs an operation on the instance, which must be there. An error is a
// *fault or *aborted.
func (b *Sandbox) serve(ctx context.Context, o operation) (Outcome, error) {
	i := b.instance
	kv := &memoryState{committed: b.state}
	i.call.state, i.call.network = kv, b.network
	before := i.fuel()
	began := time.Now()
	err := i.serve(ctx, nil, &o, b.of, began)
	out := Outcome{Used: Usage{
		Time: time.Since(began), HostCalls: i.call.spent.hostCalls, KvCalls: i.call.spent.kvCalls,
		Fuel:   before + i.call.spent.fuel - i.fuel(),
		Memory: int(i.module.Memory().Size()),
	}}
	if i.spent(time.Now()) {
		b.drop()
	}
	if isFault(err) {
		return out, err
	}
	if err == nil {
		out.Changed = kv.commit()
		if o.method == lookup || o.method == provide {
			out.Credentials = &o.answer
		}
		return out, nil
	}
	out.Status = wasmabi.Status(api.DecodeI32(i.stack[0]))
	if out.Status == wasmabi.OK {
		out.Status = wasmabi.NotFound // the empty answer of a lookup
	}
	out.Reason = printable(i.call.reason, wasmabi.MaxErrorBytes)
	return out, nil
}

// isFault tells that a call came to no decision.
func isFault(err error) bool {
	_, wrong := errors.AsType[*fault](err)
	_, stopped := errors.AsType[*aborted](err)
	return wrong || stopped
}

// fuel is what is left of the slice.
func (i *instance) fuel() int64 {
	if global := i.module.ExportedGlobal(fuelExport); global != nil {
		return int64(global.Get())
	}
	return 0
}

// State returns a copy of what kv holds.
func (b *Sandbox) State() map[string][]byte { return snapshot(b.state) }

// drop ends the instance.
func (b *Sandbox) drop() {
	if b.instance != nil {
		b.instance.close()
		b.instance = nil
	}
}

// Restart ends the instance, so that the next use starts a fresh one, as a
// server does after a while.
func (b *Sandbox) Restart() { b.drop() }

// Close releases everything.
func (b *Sandbox) Close() {
	b.drop()
	if b.own {
		b.service.Close()
	}
}
