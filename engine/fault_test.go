package engine_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// A change whose confirmation was lost is reported as unknown, and repeating
// the request with its key finds it.
func TestAnUnconfirmedChangeIsFoundByRepeatingTheRequest(t *testing.T) {
	for name, fault := range map[string]enginetest.Fault{
		"applied":     {After: engine.ErrUnknownOutcome},
		"not applied": {Before: engine.ErrUnknownOutcome},
	} {
		t.Run(name, func(t *testing.T) {
			store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
			w := newWorldOn(t, store)
			caller := admin
			caller.Idempotency = &engine.Idempotency{Key: "k"}
			var commits atomic.Int32
			store.Inject(enginetest.Hooks{Commit: func(engine.Commit) enginetest.Fault {
				if commits.Add(1) == 1 {
					return fault
				}
				return enginetest.Fault{}
			}})
			_, err := w.CreateApplication(t.Context(), caller, engine.ApplicationSpec{Name: "a"})
			requireCode(t, engine.CodeUnavailable, err)
			require.ErrorContains(t, err, "may or may not")
			app, err := w.CreateApplication(t.Context(), caller, engine.ApplicationSpec{Name: "a"})
			require.NoError(t, err)
			list, err := w.Applications(t.Context(), admin, engine.ListOptions{})
			require.NoError(t, err)
			require.Equal(t, []engine.Application{app}, list.Items)
		})
	}
}

// Whoever cannot read cannot decide.
func TestAStoreThatIsAwayIsNoDecision(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	w := newWorldOn(t, store)
	app := w.app(engine.Trustful)
	away := engine.Errorf(engine.CodeUnavailable, "the store is away")
	store.Inject(enginetest.Hooks{Read: func([]string) enginetest.Fault { return enginetest.Fault{Before: away} }})
	v, err := w.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: "id"})
	requireCode(t, engine.CodeUnavailable, err)
	require.False(t, v.Accepted)
	store.Inject(enginetest.Hooks{})
	require.True(t, w.verify(app, "id", "ep").Accepted)
}

// Endless conflicts end, with an error that says what to do.
func TestAnOperationThatAlwaysConflictsGivesUp(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	w := newWorldOn(t, store)
	app := w.app(engine.Internal)
	store.Inject(enginetest.Hooks{Commit: func(engine.Commit) enginetest.Fault { return enginetest.Fault{Before: engine.ErrConflict} }})
	_, err := w.Provision(t.Context(), admin, app, engine.ProvisionRequest{Body: []byte("key")})
	requireCode(t, engine.CodeUnavailable, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = w.Provision(ctx, admin, app, engine.ProvisionRequest{Body: []byte("key")})
	require.Error(t, err)
}

// The node that lost its watch of services finds out what it missed.
func TestALostWatchOfServicesIsTakenUpAgain(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	w := newWorldOn(t, store)
	other := newWorldOn(t, store)
	var lost atomic.Int32
	store.Inject(enginetest.Hooks{Watch: func(string, engine.Changes) enginetest.Fault {
		if lost.Add(1) == 1 {
			return enginetest.Fault{Before: engine.ErrCompacted}
		}
		return enginetest.Fault{}
	}})
	here := &script{text: "m", lookup: always(engine.Available)}
	w.runtime.add(here)
	w.runs()
	other.deploy("NEW", &script{text: "m", lookup: always(engine.Available)})
	require.Eventually(t, func() bool { return here.started.Load() >= 1 }, soon, tick)
}
