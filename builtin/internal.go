package builtin

import (
	"bytes"
	"context"

	"github.com/credence-engine/credence/engine"
)

// internal lets only those endpoints connect whose credentials were
// provisioned, through this service or while the application was trustful.
type internal struct{}

var _ engine.CredentialsService = internal{}

func (internal) Provide(ctx context.Context, tx *engine.Tx, _ *engine.Application, c engine.Credentials) (engine.Credentials, error) {
	known, err := tx.Credentials(ctx, c.ID)
	if err != nil {
		return engine.Credentials{}, err
	}
	switch {
	case !provisioned(known):
		c.Status = engine.Available
		return c, nil
	case !bytes.Equal(known.Body, c.Body):
		return engine.Credentials{}, engine.Errorf(engine.CodeConflict, "other credentials are provisioned under this id already")
	}
	return known, nil
}

func (internal) Lookup(ctx context.Context, tx *engine.Tx, _ *engine.Application, id engine.CredentialsID) (engine.Credentials, error) {
	known, err := tx.Credentials(ctx, id)
	if err != nil {
		return engine.Credentials{}, err
	}
	if !provisioned(known) {
		return engine.Credentials{}, engine.ErrNotFound
	}
	return known, nil
}

func (s internal) MarkInUse(ctx context.Context, tx *engine.Tx, app *engine.Application, id engine.CredentialsID) error {
	_, err := s.Lookup(ctx, tx, app, id)
	return err
}

func (internal) MarkRevoked(context.Context, *engine.Tx, *engine.Application, engine.CredentialsID) error {
	return nil // the engine's record says it
}

// provisioned tells whether an administrator registered the credentials, in
// contrast to an endpoint that was trusted, or to a module's own.
func provisioned(c engine.Credentials) bool {
	return c.Service == engine.Internal || c.Service == engine.Trustful
}
