package wasmhost

import (
	"context"
	"testing"

	"github.com/credence-engine/credence/engine"
)

// units is a native service through which a test gets hold of a real unit of
// work: only the engine can make one. Its lookup runs what the test gives.
type units struct {
	engine.CredentialsService
	run  func(ctx context.Context, tx *engine.Tx) error
	id   engine.ApplicationID
	open func(testing.TB)
}

const unitService engine.ServiceName = "Unit"

func (u *units) Lookup(ctx context.Context, tx *engine.Tx, _ *engine.Application, id engine.CredentialsID) (engine.Credentials, error) {
	return engine.Credentials{ID: id, Status: engine.Available}, u.run(ctx, tx)
}

func (u *units) app(w *world) engine.ApplicationID {
	if u.id == "" {
		u.id = w.app(unitService)
	}
	return u.id
}

// work runs fn in a unit of work, and returns what it returned.
func (u *units) work(tb testing.TB, fn func(context.Context, *engine.Tx) error) (err error) {
	tb.Helper()
	u.run = func(ctx context.Context, tx *engine.Tx) error { err = fn(ctx, tx); return err }
	u.open(tb)
	return err
}
