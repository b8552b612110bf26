package builtin

import (
	"context"

	"github.com/credence-engine/credence/engine"
)

// trustful lets any endpoint register and connect. What the engine itself has
// recorded still holds: one endpoint for each credentials, and revoked is
// revoked.
type trustful struct{}

var _ engine.CredentialsService = trustful{}

func (trustful) Provide(_ context.Context, _ *engine.Tx, _ *engine.Application, c engine.Credentials) (engine.Credentials, error) {
	c.Status = engine.Available
	return c, nil
}

// Lookup knows every id, as Kaa's trustful service does: always AVAILABLE.
func (trustful) Lookup(_ context.Context, _ *engine.Tx, _ *engine.Application, id engine.CredentialsID) (engine.Credentials, error) {
	return engine.Credentials{ID: id, Status: engine.Available}, nil
}

func (trustful) MarkInUse(context.Context, *engine.Tx, *engine.Application, engine.CredentialsID) error {
	return nil
}

func (trustful) MarkRevoked(context.Context, *engine.Tx, *engine.Application, engine.CredentialsID) error {
	return nil
}
