package engine_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/credence-engine/credence/engine"
)

// script is a module whose methods the test writes. A nil method answers as a
// module without that export does.
type script struct {
	text        string
	provide     func(tx *engine.Tx, c engine.Credentials) (engine.Credentials, error)
	lookup      func(tx *engine.Tx, id engine.CredentialsID) (engine.Credentials, error)
	markInUse   func(tx *engine.Tx, id engine.CredentialsID) error
	markRevoked func(tx *engine.Tx, id engine.CredentialsID) error
	verifyProof func(tx *engine.Tx, c engine.Credentials, p engine.Proof) error
	startError  error
	onStart     func(times int32)
	stall       func(context.Context) error // before lookup
	closed      atomic.Int32
	started     atomic.Int32
}

// scriptedRuntime is an engine.ModuleRuntime whose modules are scripts.
type scriptedRuntime struct {
	mu      sync.Mutex
	scripts map[string]*script
}

func newScriptedRuntime() *scriptedRuntime { return &scriptedRuntime{scripts: map[string]*script{}} }

// add returns the bytes under which the runtime knows the script.
func (r *scriptedRuntime) add(s *script) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.text == "" {
		s.text = fmt.Sprintf("module %d", len(r.scripts))
	}
	r.scripts[s.text] = s
	return []byte(s.text)
}

func (r *scriptedRuntime) find(wasm []byte) (*script, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.scripts[string(wasm)]
	if s == nil {
		return nil, engine.Errorf(engine.CodeInvalid, "not a module of this test")
	}
	return s, nil
}

func (r *scriptedRuntime) Inspect(_ context.Context, wasm []byte) (engine.Module, error) {
	_, err := r.find(wasm)
	return engine.Module{ABI: 1, Methods: []string{"lookup_credentials"}}, err
}

func (r *scriptedRuntime) Start(ctx context.Context, _ engine.Service, fetch func(context.Context) ([]byte, error)) (engine.RunningService, error) {
	wasm, err := fetch(ctx)
	if err != nil {
		return nil, err
	}
	s, err := r.find(wasm)
	if err != nil {
		return nil, err
	}
	if s.startError != nil {
		return nil, s.startError
	}
	times := s.started.Add(1)
	if s.onStart != nil {
		s.onStart(times)
	}
	if s.verifyProof != nil {
		return scriptedProver{scripted{s}}, nil
	}
	return scripted{s}, nil
}

type scripted struct{ *script }

type scriptedProver struct{ scripted }

func (s scriptedProver) VerifyProof(_ context.Context, tx *engine.Tx, _ *engine.Application, c engine.Credentials, p engine.Proof) error {
	return s.verifyProof(tx, c, p)
}

var errUnsupported = engine.Errorf(engine.CodeUnsupported, "the module does not offer this")

func (s scripted) Provide(_ context.Context, tx *engine.Tx, _ *engine.Application, c engine.Credentials) (engine.Credentials, error) {
	if s.provide == nil {
		return engine.Credentials{}, errUnsupported
	}
	return s.provide(tx, c)
}

func (s scripted) Lookup(ctx context.Context, tx *engine.Tx, _ *engine.Application, id engine.CredentialsID) (engine.Credentials, error) {
	if s.stall != nil {
		if err := s.stall(ctx); err != nil {
			return engine.Credentials{}, err
		}
	}
	return s.lookup(tx, id)
}

func (s scripted) MarkInUse(_ context.Context, tx *engine.Tx, _ *engine.Application, id engine.CredentialsID) error {
	if s.markInUse == nil {
		return errUnsupported
	}
	return s.markInUse(tx, id)
}

func (s scripted) MarkRevoked(_ context.Context, tx *engine.Tx, _ *engine.Application, id engine.CredentialsID) error {
	if s.markRevoked == nil {
		return errUnsupported
	}
	return s.markRevoked(tx, id)
}

func (s scripted) Close() { s.closed.Add(1) }

// always looks every id up with one status.
func always(status engine.Status) func(*engine.Tx, engine.CredentialsID) (engine.Credentials, error) {
	return func(_ *engine.Tx, id engine.CredentialsID) (engine.Credentials, error) {
		return engine.Credentials{ID: id, Status: status}, nil
	}
}
