package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/credence-engine/credence/engine"
)

// fakeRuntime runs "modules" whose text says how they behave. It stands in for
// the sandbox, which this package does not know.
type fakeRuntime struct{}

func (fakeRuntime) Inspect(_ context.Context, wasm []byte) (engine.Module, error) {
	if !bytes.HasPrefix(wasm, []byte("\x00asm")) {
		return engine.Module{}, engine.Errorf(engine.CodeInvalid, "this is no WebAssembly module: at offset 0")
	}
	return engine.Module{
		ABI: 1, Methods: []string{"lookup"}, Name: "fake", Release: "0.1.0", Capabilities: []string{"kv"},
		Manifest: json.RawMessage(`{"name":"fake"}`),
	}, nil
}

func (fakeRuntime) Start(ctx context.Context, s engine.Service, fetch func(context.Context) ([]byte, error)) (engine.RunningService, error) {
	wasm, err := fetch(ctx)
	if err != nil {
		return nil, err
	}
	if strings.Contains(string(s.Config), "impossible") {
		return nil, engine.Errorf(engine.CodeInvalid, "the module refuses this configuration").InField("/config")
	}
	if strings.Contains(string(wasm), "wants") {
		e := engine.Errorf(engine.CodeConflict, "the module asks for more than it is granted").InField("/grants")
		e.Missing = json.RawMessage(`{"secrets":["erp-token"]}`)
		return nil, e
	}
	if strings.Contains(string(wasm), "proof") {
		return fakeProver{fakeService{behaviour: string(wasm)}}, nil
	}
	return fakeService{behaviour: string(wasm)}, nil
}

// fakeProver takes a proof for good that repeats the challenge.
type fakeProver struct{ fakeService }

func (fakeProver) VerifyProof(_ context.Context, _ *engine.Tx, _ *engine.Application, _ engine.Credentials, p engine.Proof) error {
	if p.Type != "echo" || !bytes.Equal(p.Challenge, p.Value) {
		return engine.Errorf(engine.CodeDenied, "no echo")
	}
	return nil
}

type fakeService struct{ behaviour string }

func (f fakeService) Provide(_ context.Context, _ *engine.Tx, _ *engine.Application, c engine.Credentials) (engine.Credentials, error) {
	return c, f.fail()
}

func (f fakeService) Lookup(ctx context.Context, _ *engine.Tx, _ *engine.Application, id engine.CredentialsID) (engine.Credentials, error) {
	if strings.Contains(f.behaviour, "stalls") {
		<-ctx.Done()
		return engine.Credentials{}, engine.Wrap(ctx.Err(), engine.CodeDeadline, "too slow")
	}
	return engine.Credentials{ID: id, Status: engine.Available}, f.fail()
}

func (f fakeService) MarkInUse(context.Context, *engine.Tx, *engine.Application, engine.CredentialsID) error {
	return nil
}

func (f fakeService) MarkRevoked(context.Context, *engine.Tx, *engine.Application, engine.CredentialsID) error {
	return nil
}

func (fakeService) Close() {}

func (f fakeService) fail() error {
	switch {
	case strings.Contains(f.behaviour, "trap"):
		return engine.Wrap(context.DeadlineExceeded, engine.CodeModuleFault, "the module trapped")
	case strings.Contains(f.behaviour, "violate"):
		return &engine.Error{Code: engine.CodeModuleFault, Message: "the module broke the contract", Fault: engine.FaultViolation, Incident: "the-incident"}
	case strings.Contains(f.behaviour, "error"):
		return engine.Errorf(engine.CodeModuleError, "the module failed")
	case strings.Contains(f.behaviour, "panic"):
		panic("secret-of-the-panic")
	case strings.Contains(f.behaviour, "full"):
		return engine.Errorf(engine.CodeExhausted, "too many calls")
	case strings.Contains(f.behaviour, "unsupported"):
		return engine.Errorf(engine.CodeUnsupported, "the service does not do that")
	case strings.Contains(f.behaviour, "deny"):
		return engine.Errorf(engine.CodeDenied, "not today")
	case strings.Contains(f.behaviour, "late"):
		return engine.Errorf(engine.CodeDeadline, "too slow")
	case strings.Contains(f.behaviour, "sleep"):
		time.Sleep(500 * time.Millisecond)
	}
	return nil
}
