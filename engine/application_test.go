package engine_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func TestAnApplicationHasDefaultsAndAToken(t *testing.T) {
	w := newWorld(t)
	app, err := w.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "plant"})
	require.NoError(t, err)
	require.Equal(t, engine.Trustful, app.Service)
	require.Equal(t, engine.IDSchemeSHA256, app.IDScheme)
	require.Regexp(t, `^[0-9]{20}$`, app.Token)
	got, err := w.Application(t.Context(), admin, app.ID)
	require.NoError(t, err)
	require.Equal(t, app, got)
}

func TestApplicationsAreRefused(t *testing.T) {
	w := newWorld(t)
	_, err := w.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "taken"})
	require.NoError(t, err)
	for name, test := range map[string]struct {
		spec engine.ApplicationSpec
		code engine.Code
	}{
		"no name":                          {engine.ApplicationSpec{}, engine.CodeInvalid},
		"blank name":                       {engine.ApplicationSpec{Name: "  "}, engine.CodeInvalid},
		"control characters":               {engine.ApplicationSpec{Name: "a\nb"}, engine.CodeInvalid},
		"a long name":                      {engine.ApplicationSpec{Name: strings.Repeat("x", 129)}, engine.CodeInvalid},
		"a name that is taken":             {engine.ApplicationSpec{Name: "taken"}, engine.CodeConflict},
		"an unknown service":               {engine.ApplicationSpec{Name: "a", Service: "NEW"}, engine.CodeInvalid},
		"an unknown id scheme":             {engine.ApplicationSpec{Name: "a", IDScheme: "md5"}, engine.CodeInvalid},
		"configuration for a built-in one": {engine.ApplicationSpec{Name: "a", ServiceConfig: []byte(`{"a":1}`)}, engine.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.CreateApplication(t.Context(), admin, test.spec)
			requireCode(t, test.code, err)
		})
	}
}

func TestPatchesOfApplicationsKeepWhatTheyDoNotName(t *testing.T) {
	w := newWorld(t)
	app, err := w.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "a", Service: engine.Internal})
	require.NoError(t, err)
	name := "b"
	patched, err := w.UpdateApplication(t.Context(), admin, app.ID, engine.ApplicationPatch{Name: &name}, app.Version)
	require.NoError(t, err)
	require.Equal(t, engine.Internal, patched.Service, "Kaa 0.10 fell back to Trustful")
	require.Equal(t, "b", patched.Name)
	_, err = w.UpdateApplication(t.Context(), admin, app.ID, engine.ApplicationPatch{Name: &name}, app.Version)
	requireCode(t, engine.CodeStale, err)
	_, err = w.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "a"})
	require.NoError(t, err, "the old name is free again")
	other := "a"
	_, err = w.UpdateApplication(t.Context(), admin, app.ID, engine.ApplicationPatch{Name: &other}, 0)
	requireCode(t, engine.CodeConflict, err)
}

func TestADeletedApplicationIsGoneAndItsRecordsFollow(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Internal)
	id := w.provision(app, "key")
	require.True(t, w.verify(app, id, "ep").Accepted)
	kept := w.app(engine.Internal)
	w.provision(kept, "key")
	require.NoError(t, w.DeleteApplication(t.Context(), admin, app, 0))
	requireCode(t, engine.CodeNotFound, w.DeleteApplication(t.Context(), admin, app, 0))
	_, err := w.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: id})
	requireCode(t, engine.CodeNotFound, err)
	w.runs()
	require.Eventually(t, func() bool {
		for _, prefix := range []string{"cred/" + string(app), "reg/" + string(app), "purge/"} {
			page, err := w.store.List(t.Context(), engine.ListRequest{Prefixes: []string{prefix}, Limit: 1})
			if err != nil || len(page.Records) > 0 {
				return false
			}
		}
		return true
	}, soon, tick)
	list, err := w.CredentialsOf(t.Context(), admin, kept, engine.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
}

func TestARepeatedRequestGetsTheFirstAnswer(t *testing.T) {
	w := newWorld(t)
	caller := admin
	caller.Idempotency = &engine.Idempotency{Key: "k1", Request: [32]byte{1}}
	first, err := w.CreateApplication(t.Context(), caller, engine.ApplicationSpec{Name: "a"})
	require.NoError(t, err)
	again, err := w.CreateApplication(t.Context(), caller, engine.ApplicationSpec{Name: "a"})
	require.NoError(t, err)
	require.Equal(t, first, again)

	other := caller
	other.Idempotency = &engine.Idempotency{Key: "k1", Request: [32]byte{2}}
	_, err = w.CreateApplication(t.Context(), other, engine.ApplicationSpec{Name: "b"})
	requireCode(t, engine.CodeReused, err)

	neighbour := caller
	neighbour.User = "somebody else"
	_, err = w.CreateApplication(t.Context(), neighbour, engine.ApplicationSpec{Name: "a"})
	requireCode(t, engine.CodeConflict, err)

	provision := engine.ProvisionRequest{Body: []byte("key")}
	caller.Idempotency = &engine.Idempotency{Key: "k2"}
	one, err := w.Provision(t.Context(), caller, first.ID, provision)
	require.NoError(t, err)
	_, err = w.Revoke(t.Context(), admin, first.ID, one.Credentials.ID)
	require.NoError(t, err)
	two, err := w.Provision(t.Context(), caller, first.ID, provision)
	require.NoError(t, err)
	require.Equal(t, one, two)
	require.True(t, two.Created)

	w.advance(23 * hour)
	_, err = w.Provision(t.Context(), caller, first.ID, provision)
	require.NoError(t, err, "kept for a day at least")
	w.advance(48 * hour)
	w.runs()
	require.Eventually(t, func() bool {
		page, err := w.store.List(t.Context(), engine.ListRequest{Prefixes: []string{"idem/"}, Limit: 1})
		return err == nil && len(page.Records) == 0
	}, soon, tick)
}

// An old acceptance must not be played back after a revocation.
func TestVerifyIgnoresIdempotencyKeys(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Internal)
	id := w.provision(app, "key")
	caller := admin
	caller.Idempotency = &engine.Idempotency{Key: "k"}
	v, err := w.Verify(t.Context(), caller, app, engine.VerifyRequest{CredentialsID: id})
	require.NoError(t, err)
	require.True(t, v.Accepted)
	_, err = w.Revoke(t.Context(), admin, app, id)
	require.NoError(t, err)
	v, err = w.Verify(t.Context(), caller, app, engine.VerifyRequest{CredentialsID: id})
	require.NoError(t, err)
	require.Equal(t, engine.ReasonRevoked, v.Reason)
}

// I7: every acknowledged change has its entry, in its own commit.
func TestEveryChangeIsAudited(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Internal)
	id := w.provision(app, "key")
	w.verify(app, id, "ep")
	w.verify(app, id, "ep") // changes nothing
	_, err := w.Revoke(t.Context(), admin, app, id)
	require.NoError(t, err)
	_, err = w.Revoke(t.Context(), admin, app, id) // changes nothing
	require.NoError(t, err)
	page, err := w.store.List(t.Context(), engine.ListRequest{Prefixes: []string{"audit/"}, Limit: 100})
	require.NoError(t, err)
	require.Len(t, page.Records, 4) // create, provision, claim, revoke
	c, err := w.Credentials(t.Context(), admin, app, id)
	require.NoError(t, err)
	require.Equal(t, c.Version, page.Records[3].Version)
	for _, r := range page.Records {
		require.Contains(t, string(r.Value), "req-1")
	}
}

func TestTheFirstStartMakesAnAdministrator(t *testing.T) {
	w := newWorld(t)
	password, err := w.Bootstrap(t.Context(), "")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(password), 20)
	user, err := w.User(t.Context(), engine.BootstrapUser)
	require.NoError(t, err)
	require.True(t, user.Matches(password))
	require.False(t, user.Matches(password+"x"))
	require.True(t, user.Has(engine.RoleAdmin) && user.Has(engine.RoleTenantAdmin))
	require.NotContains(t, string(user.Hash), password)
	again, err := w.Bootstrap(t.Context(), "another")
	require.NoError(t, err)
	require.Empty(t, again)
	user, err = w.User(t.Context(), engine.BootstrapUser)
	require.NoError(t, err)
	require.True(t, user.Matches(password))
	_, err = w.User(t.Context(), "nobody")
	requireCode(t, engine.CodeNotFound, err)
}

func TestAServicesStateBelongsToOneApplicationAndCommitsOnce(t *testing.T) {
	w := newWorld(t)
	count := func(tx *engine.Tx, id engine.CredentialsID) (engine.Credentials, error) {
		ctx := context.Background()
		state := tx.State()
		value, _, err := state.Get(ctx, []byte("n"))
		if err != nil {
			return engine.Credentials{}, err
		}
		if err := state.Put([]byte("n"), append(slices.Clip(value), 'x')); err != nil {
			return engine.Credentials{}, err
		}
		return engine.Credentials{ID: id, Status: engine.Available}, nil
	}
	w.deploy("NEW", &script{lookup: count})
	first, second := w.app("NEW"), w.app("NEW")
	const callers, calls = 4, 25
	done := make(chan error, callers)
	for range callers {
		go func() {
			for range calls {
				if _, err := w.Credentials(t.Context(), admin, first, "id"); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range callers {
		require.NoError(t, <-done)
	}
	_, err := w.Credentials(t.Context(), admin, second, "id")
	require.NoError(t, err)
	snap, err := w.store.Read(t.Context(), engine.Strict, "kv/"+string(first)+"/NEW/n", "kv/"+string(second)+"/NEW/n")
	require.NoError(t, err)
	require.Len(t, snap.Records[0].Value, callers*calls, "an update was lost")
	require.Len(t, snap.Records[1].Value, 1)
}

func TestAScanSeesOwnWritesInOrder(t *testing.T) {
	w := newWorld(t)
	keys := func(entries []engine.Entry) (out []string) {
		for _, e := range entries {
			out = append(out, string(e.Key))
		}
		return out
	}
	var before, page, rest []string
	w.deploy("NEW", &script{lookup: func(tx *engine.Tx, id engine.CredentialsID) (engine.Credentials, error) {
		ctx := context.Background()
		state := tx.State()
		entries, err := state.Scan(ctx, []byte("r/"), nil, 10)
		if err != nil {
			return engine.Credentials{}, err
		}
		before = keys(entries)
		for _, k := range []string{"r/b", "r/a", "r/c", "s/z"} {
			if err := state.Put([]byte(k), []byte("1")); err != nil {
				return engine.Credentials{}, err
			}
		}
		if err := state.Delete([]byte("r/c")); err != nil {
			return engine.Credentials{}, err
		}
		entries, err = state.Scan(ctx, []byte("r/"), nil, 1)
		if err != nil {
			return engine.Credentials{}, err
		}
		page = keys(entries)
		entries, err = state.Scan(ctx, []byte("r/"), []byte("r/a"), 10)
		rest = keys(entries)
		return engine.Credentials{ID: id, Status: engine.Available}, err
	}})
	app := w.app("NEW")
	for _, want := range [][]string{nil, {"r/a", "r/b"}} {
		_, err := w.Credentials(t.Context(), admin, app, "id")
		require.NoError(t, err)
		require.Equal(t, want, before)
		require.Equal(t, []string{"r/a"}, page)
		require.Equal(t, []string{"r/b"}, rest)
	}
}

func TestAnOperationsStateHasAQuota(t *testing.T) {
	w := newWorld(t)
	w.deploy("NEW", &script{lookup: func(tx *engine.Tx, id engine.CredentialsID) (engine.Credentials, error) {
		state := tx.State()
		for i := range engine.MaxStateWrites + 1 {
			if err := state.Put([]byte{byte(i)}, nil); err != nil {
				return engine.Credentials{}, err
			}
		}
		return engine.Credentials{ID: id, Status: engine.Available}, nil
	}})
	_, err := w.Credentials(t.Context(), admin, w.app("NEW"), "id")
	requireCode(t, engine.CodeExhausted, err)
}
