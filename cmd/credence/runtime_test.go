package main

import (
	"bytes"
	"context"
	"strings"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/rest"
)

// module is bytes that openRuntime takes for a module.
const module = "\x00asm of a test"

// withModules gives a site a runtime for modules. The sandbox itself is tested
// through the program in e2e; here it is the commands that are tested.
func withModules(o *engine.Options, _ *rest.Options) { o.Runtime = openRuntime{} }

// openRuntime runs every module as the service Internal.
type openRuntime struct{}

func (openRuntime) Inspect(_ context.Context, wasm []byte) (engine.Module, error) {
	if !bytes.HasPrefix(wasm, []byte("\x00asm")) {
		return engine.Module{}, engine.Errorf(engine.CodeInvalid, "this is no WebAssembly module: at offset 0")
	}
	return engine.Module{ABI: 1, Name: "test", Release: "1.2.3", Methods: []string{"lookup_credentials"}, Capabilities: []string{"kv", "clock"}}, nil
}

func (openRuntime) Start(_ context.Context, s engine.Service, _ func(context.Context) ([]byte, error)) (engine.RunningService, error) {
	if strings.Contains(string(s.Config), "impossible") {
		return nil, engine.Errorf(engine.CodeInvalid, "the module refuses its configuration").InField("/config")
	}
	return runningService{builtin.Services()[engine.Internal]}, nil
}

type runningService struct{ engine.CredentialsService }

func (runningService) Close() {}

func (runningService) CheckConfig(context.Context, *engine.Application) error { return nil }
