package enginetest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

var errInjected = errors.New("injected")

func TestFaultStoreWithoutFaultsPassesTheSuite(t *testing.T) {
	enginetest.StoreSuite(t, func(*testing.T) func() engine.Store {
		state := enginetest.NewMemoryStore()
		return func() engine.Store { return enginetest.NewFaultStore(state.Session()) }
	})
}

func TestFaultStoreFailsBeforeOrAfterACommit(t *testing.T) {
	for _, test := range []struct {
		name    string
		fault   enginetest.Fault
		applied bool
	}{
		{"before", enginetest.Fault{Before: errInjected}, false},
		{"after", enginetest.Fault{After: errInjected}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
			store.Inject(enginetest.Hooks{Commit: func(engine.Commit) enginetest.Fault { return test.fault }})
			_, err := store.Commit(t.Context(), engine.Commit{Writes: []engine.Write{{Key: "k"}}})
			require.ErrorIs(t, err, errInjected)
			snap, err := store.Read(t.Context(), engine.Strict, "k")
			require.NoError(t, err, "a fault of commits leaves reads alone")
			require.Equal(t, test.applied, snap.Records[0].Exists())
		})
	}
}

func TestFaultStoreFailsReadsAndListsByWhatTheyAskFor(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	store.Inject(enginetest.Hooks{
		Read: func(keys []string) enginetest.Fault {
			if keys[0] == "bad" {
				return enginetest.Fault{Before: errInjected}
			}
			return enginetest.Fault{}
		},
		List: func(r engine.ListRequest) enginetest.Fault {
			if r.After != "" {
				return enginetest.Fault{After: errInjected}
			}
			return enginetest.Fault{}
		},
	})
	_, err := store.Read(t.Context(), engine.Strict, "good")
	require.NoError(t, err)
	_, err = store.Read(t.Context(), engine.Strict, "bad")
	require.ErrorIs(t, err, errInjected)
	_, err = store.List(t.Context(), engine.ListRequest{Prefixes: []string{""}, Limit: 1})
	require.NoError(t, err)
	_, err = store.List(t.Context(), engine.ListRequest{Prefixes: []string{""}, After: "a", Limit: 1})
	require.ErrorIs(t, err, errInjected)
	store.Inject(enginetest.Hooks{})
	_, err = store.Read(t.Context(), engine.Strict, "bad")
	require.NoError(t, err)
}

func TestFaultStoreDelaysUntilTheContextEnds(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	store.Inject(enginetest.Hooks{Read: func([]string) enginetest.Fault { return enginetest.Fault{Delay: time.Hour} }})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := store.Read(ctx, engine.Strict, "k")
	require.Equal(t, engine.CodeDeadline, engine.CodeOf(err))
}

func TestFaultStoreEndsAWatch(t *testing.T) {
	for _, test := range []struct {
		name      string
		fault     enginetest.Fault
		delivered int
	}{
		{"in place of a delivery", enginetest.Fault{Before: errInjected}, 0},
		{"behind a delivery", enginetest.Fault{After: errInjected}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
			store.Inject(enginetest.Hooks{Watch: func(string, engine.Changes) enginetest.Fault { return test.fault }})
			start, err := store.Commit(t.Context(), engine.Commit{Writes: []engine.Write{{Key: "k"}}})
			require.NoError(t, err)
			for range 2 {
				_, err = store.Commit(t.Context(), engine.Commit{Writes: []engine.Write{{Key: "k"}}})
				require.NoError(t, err)
			}
			delivered := 0
			var failure error
			for _, err := range store.Watch(t.Context(), "k", start) {
				if err == nil {
					delivered++
				} else {
					require.NoError(t, failure, "one error ends the sequence")
					failure = err
				}
			}
			require.ErrorIs(t, failure, errInjected)
			require.Equal(t, test.delivered, delivered)
		})
	}
}
