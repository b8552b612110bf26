package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// keys makes requests for n keys of one name.
func keys(name string, n int) []engine.ProvisionRequest {
	requests := make([]engine.ProvisionRequest, n)
	for i := range requests {
		requests[i] = engine.ProvisionRequest{Body: fmt.Appendf(nil, "%s %d", name, i), Labels: map[string]string{"batch": name}}
	}
	return requests
}

func (w *world) imported(app engine.ApplicationID, requests []engine.ProvisionRequest) []engine.Imported {
	w.t.Helper()
	results, err := w.Import(w.t.Context(), admin, app, requests)
	require.NoError(w.t, err)
	require.Len(w.t, results, len(requests))
	return results
}

func TestAnImportRegistersAllAndRepeatingItChangesNothing(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	w := newWorldOn(t, store)
	app := w.app(engine.Internal)
	commits := 0
	store.Inject(enginetest.Hooks{Commit: func(engine.Commit) enginetest.Fault { commits++; return enginetest.Fault{} }})
	requests := keys("a", 230)
	first := w.imported(app, requests)
	require.Equal(t, 5, commits, "50 credentials share a transaction")
	for i, r := range first {
		require.NoError(t, r.Err)
		require.True(t, r.Created)
		require.Equal(t, engine.IDSchemeSHA256.ID(requests[i].Body), r.ID)
		c, err := w.Credentials(t.Context(), admin, app, r.ID)
		require.NoError(t, err)
		require.Equal(t, r.Revision, c.Version)
		require.Equal(t, "a", c.Labels["batch"])
	}
	require.True(t, w.verify(app, first[7].ID, "ep").Accepted)
	commits = 0
	for _, r := range w.imported(app, requests) {
		require.NoError(t, r.Err)
		require.False(t, r.Created)
		require.Positive(t, r.Revision)
	}
	require.Zero(t, commits)
	require.True(t, w.verify(app, first[7].ID, "ep").Accepted, "it is still in use by its endpoint")
}

func TestAnImportGoesOnAfterWhatIsRefused(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Internal)
	known, revoked := w.provision(app, "known"), w.provision(app, "revoked")
	_, err := w.Revoke(t.Context(), admin, app, revoked)
	require.NoError(t, err)
	results := w.imported(app, []engine.ProvisionRequest{
		{Body: []byte("new")},
		{ID: known, Body: []byte("other")},
		{Body: []byte("revoked")},
		{},
		{Body: []byte("known")},
		{Body: []byte("new")},
		{ID: "twice", Body: []byte("1")},
		{ID: "twice", Body: []byte("2")},
	})
	for i, want := range []struct {
		code    engine.Code
		created bool
	}{
		{"", true},
		{engine.CodeConflict, false},
		{engine.CodeConflict, false},
		{engine.CodeInvalid, false},
		{"", false},
		{"", false},
		{"", true},
		{engine.CodeConflict, false},
	} {
		require.Equal(t, want.code, engine.CodeOf(results[i].Err), "line %d: %v", i, results[i].Err)
		require.Equal(t, want.created, results[i].Created, "line %d", i)
		require.Equal(t, want.code == "", results[i].Revision != 0, "line %d", i)
	}
	c, err := w.Credentials(t.Context(), admin, app, known)
	require.NoError(t, err)
	require.Equal(t, []byte("known"), c.Body)
	c, err = w.Credentials(t.Context(), admin, app, "twice")
	require.NoError(t, err)
	require.Equal(t, []byte("1"), c.Body)
}

// A transaction has room for the bodies, or else there are several.
func TestAnImportOfLargeBodiesTakesMoreTransactions(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Internal)
	requests := keys("large", 40)
	for i := range requests {
		requests[i].Body = append(make([]byte, engine.MaxBodyBytes-32), requests[i].Body...)
	}
	for _, r := range w.imported(app, requests) {
		require.NoError(t, r.Err)
		require.True(t, r.Created)
	}
}

// A custom service that keeps much state for each of them passes the limits of
// one transaction: the import takes smaller ones.
func TestAnImportThroughAServiceWithStateIsHalvedUntilItFits(t *testing.T) {
	w := newWorld(t)
	w.deploy("custom", &script{provide: func(tx *engine.Tx, c engine.Credentials) (engine.Credentials, error) {
		if string(c.ID) == "bad" {
			return c, engine.Errorf(engine.CodeDenied, "not this one")
		}
		for i := range 20 {
			if err := tx.State().Put(fmt.Appendf(nil, "%s/%d", c.ID, i), c.Body); err != nil {
				return c, err
			}
		}
		return c, nil
	}})
	app := w.app("custom")
	requests := append(keys("k", 30), engine.ProvisionRequest{ID: "bad"})
	results := w.imported(app, requests)
	for _, r := range results[:30] {
		require.NoError(t, r.Err)
		require.True(t, r.Created)
	}
	requireCode(t, engine.CodeDenied, results[30].Err)
}

func TestAnImportIsRefusedAsAWhole(t *testing.T) {
	w := newWorld(t)
	_, err := w.Import(t.Context(), admin, w.app(engine.Internal), make([]engine.ProvisionRequest, engine.MaxImport+1))
	requireCode(t, engine.CodeTooLarge, err)
	_, err = w.Import(t.Context(), admin, "none", keys("a", 1))
	requireCode(t, engine.CodeNotFound, err)
}

// A transaction whose outcome is not known is said to be so, and those before
// it stay.
func TestAnImportSaysWhichCredentialsAreNotCertain(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	w := newWorldOn(t, store)
	app := w.app(engine.Internal)
	commits := 0
	store.Inject(enginetest.Hooks{Commit: func(engine.Commit) enginetest.Fault {
		if commits++; commits == 2 {
			return enginetest.Fault{After: engine.ErrUnknownOutcome}
		}
		return enginetest.Fault{}
	}})
	results := w.imported(app, keys("a", 150))
	for i, r := range results {
		if i >= 50 && i < 100 {
			require.ErrorIs(t, r.Err, engine.ErrUnknownOutcome)
			require.False(t, r.Created)
			continue
		}
		require.NoError(t, r.Err)
	}
	store.Inject(enginetest.Hooks{})
	for i, r := range w.imported(app, keys("a", 150)) {
		require.NoError(t, r.Err, "%d", i)
		require.False(t, r.Created, "it had been applied")
	}
}

// The whole of an import stops when its time is over.
func TestAnImportEndsWithItsTime(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Internal)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	_, err := w.Import(ctx, admin, app, keys("a", 10))
	require.NoError(t, err)
	cancel()
	_, err = w.Import(ctx, admin, app, keys("b", 100))
	require.Error(t, err)
}

// Found by the simulation: what a first try would have created, and a
// revocation refused to the second.
func TestAnImportThatIsOvertakenByARevocationHasCreatedNothing(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	w := newWorldOn(t, store)
	app := w.app(engine.Trustful)
	first := true
	store.Inject(enginetest.Hooks{Commit: func(engine.Commit) enginetest.Fault {
		if first {
			first = false
			_, err := w.Revoke(t.Context(), admin, app, "id")
			require.NoError(t, err)
		}
		return enginetest.Fault{}
	}})
	results := w.imported(app, []engine.ProvisionRequest{{ID: "id", Body: []byte("key")}})
	requireCode(t, engine.CodeConflict, results[0].Err)
	require.False(t, results[0].Created)
}
