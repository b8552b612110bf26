package engine_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// lateAnswers holds back what the store has answered, as a slow network does.
type lateAnswers struct {
	engine.Store
	mu   sync.Mutex
	hold func(keys []string) <-chan struct{} // until when; nil: not at all
}

func (s *lateAnswers) Read(ctx context.Context, c engine.Consistency, keys ...string) (engine.Snapshot, error) {
	snap, err := s.Store.Read(ctx, c, keys...)
	s.mu.Lock()
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		if until := hold(keys); until != nil {
			<-until
		}
	}
	return snap, err
}

// Found by the simulation: the last look at the credentials was answered before
// the revocation, and that answer came after this node had said that it has
// carried it out (I1b).
func TestAnAnswerFromBeforeTheRevocationDoesNotCountAfterTheReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := enginetest.NewMemoryStore()
		store := &lateAnswers{Store: state.Session()}
		node, other := newWorldOn(t, store), newWorldOn(t, state.Session())
		node.runs()
		other.runs()
		synctest.Wait()
		app := other.app(engine.Internal)
		id := other.provision(app, "key")
		require.True(t, node.verify(app, id, "ep").Accepted)

		arrive := make(chan struct{})
		looks := 0
		store.mu.Lock()
		store.hold = func(keys []string) <-chan struct{} {
			if len(keys) != 1 { // the verdict reads more at once
				return nil
			}
			if looks++; looks > 1 {
				return nil
			}
			return arrive
		}
		store.mu.Unlock()
		verdict := make(chan engine.Verdict, 1)
		go func() { verdict <- node.verify(app, id, "ep") }()
		synctest.Wait()
		done, err := other.Revoke(t.Context(), admin, app, id)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Equal(t, engine.Enforced, other.AwaitEnforced(ctx, done.Enforcement).State)
		close(arrive)
		require.Equal(t, engine.ReasonRevoked, (<-verdict).Reason)
	})
}
