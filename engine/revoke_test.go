package engine_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func TestRevokingIsFinalAndMayBeRepeated(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Internal)
	id := w.provision(app, "key")
	first, err := w.Revoke(t.Context(), admin, app, id)
	require.NoError(t, err)
	require.Equal(t, engine.Enforced, first.Enforcement.State)
	require.Positive(t, first.Enforcement.Revision)
	again, err := w.Revoke(t.Context(), admin, app, id)
	require.NoError(t, err)
	require.Equal(t, first.Enforcement, again.Enforcement)

	_, _, err = w.BindRegistration(t.Context(), admin, app, id, engine.Profile{Body: []byte(`{}`)}, 0)
	requireCode(t, engine.CodeConflict, err)
	_, err = w.Provision(t.Context(), admin, app, engine.ProvisionRequest{Body: []byte("key")})
	requireCode(t, engine.CodeConflict, err)
	c, err := w.Credentials(t.Context(), admin, app, id)
	require.NoError(t, err)
	require.Equal(t, engine.Revoked, c.Status)
}

func TestRevokingTheUnknownIsNotFound(t *testing.T) {
	w := newWorld(t)
	_, err := w.Revoke(t.Context(), admin, w.app(engine.Internal), "unknown")
	requireCode(t, engine.CodeNotFound, err)
	w.deploy("NEW", &script{lookup: func(*engine.Tx, engine.CredentialsID) (engine.Credentials, error) {
		return engine.Credentials{}, engine.ErrNotFound
	}})
	_, err = w.Revoke(t.Context(), admin, w.app("NEW"), "unknown")
	requireCode(t, engine.CodeNotFound, err)
}

// No module can keep a credential alive: broken, deaf or claiming otherwise.
func TestARevocationDoesNotNeedTheModule(t *testing.T) {
	broken := errors.New("broken")
	for name, s := range map[string]*script{
		"lookup fails": {lookup: func(*engine.Tx, engine.CredentialsID) (engine.Credentials, error) {
			return engine.Credentials{}, broken
		}},
		"mark fails":      {lookup: always(engine.Available), markRevoked: func(*engine.Tx, engine.CredentialsID) error { return broken }},
		"still available": {lookup: always(engine.Available), markRevoked: func(*engine.Tx, engine.CredentialsID) error { return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.runs()
			w.deploy("NEW", s)
			app := w.app("NEW")
			_, err := w.Revoke(t.Context(), admin, app, "id")
			require.NoError(t, err)
			require.Equal(t, engine.ReasonRevoked, w.verify(app, "id", "ep").Reason)
		})
	}
}

// A module is told after the fact, until it has heard, and its state commits
// with the end of the notice.
func TestAModuleIsToldOfARevocation(t *testing.T) {
	w := newWorld(t)
	var tries atomic.Int32
	w.deploy("NEW", &script{lookup: always(engine.Available), markRevoked: func(tx *engine.Tx, id engine.CredentialsID) error {
		if tries.Add(1) == 1 {
			return engine.Errorf(engine.CodeUnavailable, "not now")
		}
		return tx.State().Put([]byte(id), []byte("revoked"))
	}})
	app := w.app("NEW")
	w.runs()
	_, err := w.Revoke(t.Context(), admin, app, "id")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		snap, err := w.store.Read(t.Context(), engine.Strict, "kv/"+string(app)+"/NEW/id", "notice/"+string(app)+"/id")
		return err == nil && string(snap.Records[0].Value) == "revoked" && !snap.Records[1].Exists()
	}, 15*time.Second, 20*time.Millisecond)
	require.EqualValues(t, 2, tries.Load())
}

func TestRecheckRevokesOnlyWhenTheServiceAgrees(t *testing.T) {
	w := newWorld(t)
	status := engine.Available
	w.deploy("NEW", &script{lookup: func(tx *engine.Tx, id engine.CredentialsID) (engine.Credentials, error) {
		return always(status)(tx, id)
	}})
	app := w.app("NEW")
	require.True(t, w.verify(app, "id", "ep").Accepted)
	out, err := w.Recheck(t.Context(), admin, app, "id")
	require.NoError(t, err)
	require.NotEqual(t, engine.Revoked, out.Credentials.Status)
	require.True(t, w.verify(app, "id", "ep").Accepted)

	status = engine.Revoked
	out, err = w.Recheck(t.Context(), admin, app, "id")
	require.NoError(t, err)
	require.Equal(t, engine.Revoked, out.Credentials.Status)
	status = engine.Available // too late
	require.Equal(t, engine.ReasonRevoked, w.verify(app, "id", "ep").Reason)
}
