package simulation

import (
	"bytes"
	"context"
	"time"

	"github.com/credence-engine/credence/engine"
)

const slowName engine.ServiceName = "Slow"

// slow decides as Internal does and takes its time between what it finds and
// its answer: the revocation that comes meanwhile is the engine's to notice.
type slow struct{ node *node }

func (slow) Provide(ctx context.Context, tx *engine.Tx, _ *engine.Application, c engine.Credentials) (engine.Credentials, error) {
	known, err := tx.Credentials(ctx, c.ID)
	switch {
	case err != nil:
		return engine.Credentials{}, err
	case known.Service != slowName:
		return c, nil
	case !bytes.Equal(known.Body, c.Body):
		return engine.Credentials{}, engine.Errorf(engine.CodeConflict, "other credentials are there")
	}
	return known, nil
}

func (s slow) Lookup(ctx context.Context, tx *engine.Tx, _ *engine.Application, id engine.CredentialsID) (engine.Credentials, error) {
	known, err := tx.Credentials(ctx, id)
	if err == nil && known.Service != slowName {
		err = engine.ErrNotFound
	}
	w := s.node.world
	delay := w.chance.about("slow", string(id)).number(uint64(w.elapsed())).between(time.Millisecond, 300*time.Millisecond)
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	s.node.awake(ctx)
	return known, err
}

func (slow) MarkInUse(context.Context, *engine.Tx, *engine.Application, engine.CredentialsID) error {
	return nil
}

func (slow) MarkRevoked(context.Context, *engine.Tx, *engine.Application, engine.CredentialsID) error {
	return nil
}
