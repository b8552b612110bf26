package peers

import (
	"context"
	"testing"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/wasmhost"
)

// host is a service that runs a module, as the engine would call it.
type host struct {
	engine  *engine.Engine
	units   *units
	service engine.RunningService
	app     engine.ApplicationID
}

// units is a native service that hands its unit of work to a benchmark: only
// the engine can make one.
type units struct {
	engine.CredentialsService
	run func(ctx context.Context, tx *engine.Tx)
}

func (u *units) Lookup(ctx context.Context, tx *engine.Tx, _ *engine.Application, id engine.CredentialsID) (engine.Credentials, error) {
	u.run(ctx, tx)
	return engine.Credentials{ID: id, Status: engine.Available}, nil
}

var caller = engine.Caller{Tenant: engine.DefaultTenant, User: "admin", RequestID: "request"}

func newHost(tb testing.TB, wasm []byte) *host {
	tb.Helper()
	runtime, err := wasmhost.New(tb.Context(), wasmhost.Options{})
	fatal(tb, err)
	tb.Cleanup(runtime.Close)
	h := &host{units: &units{}}
	h.engine = engine.New(engine.Options{
		Store:    enginetest.NewMemoryStore(),
		Builtins: map[engine.ServiceName]engine.CredentialsService{engine.Trustful: h.units},
	})
	tb.Cleanup(h.engine.Close)
	h.service, err = runtime.Start(tb.Context(), engine.Service{Name: "bench", Module: "bench"},
		func(context.Context) ([]byte, error) { return wasm, nil })
	fatal(tb, err)
	tb.Cleanup(h.service.Close)
	app, err := h.engine.CreateApplication(tb.Context(), caller, engine.ApplicationSpec{Name: "bench", Service: engine.Trustful})
	fatal(tb, err)
	h.app = app.ID
	return h
}

// during calls f with a lookup that is good as long as f runs.
func (h *host) during(tb testing.TB, f func(asked)) {
	tb.Helper()
	app := &engine.Application{ID: application}
	h.units.run = func(ctx context.Context, tx *engine.Tx) {
		f(func() ([]byte, error) {
			c, err := h.service.Lookup(ctx, tx, app, id)
			return c.Body, err
		})
	}
	_, err := h.engine.Credentials(tb.Context(), caller, h.app, id)
	fatal(tb, err)
}

func fatal(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
