package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// A store that is nearly full keeps its room for what takes rights away and
// for what lets devices in.
func TestANearlyFullStoreRefusesWhatAddsAndNothingElse(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	key, err := engine.NewVaultKey(make([]byte, 32))
	require.NoError(t, err)
	w := newWorldOn(t, store, func(o *engine.Options) { o.Vault = engine.NewVault(store, []engine.VaultKey{key}) })
	app, other := w.app(engine.Internal), w.app(engine.Internal)
	first, second := w.provision(app, "first"), w.provision(app, "second")
	module := w.upload(&script{})
	w.deploy("custom", &script{})
	w.deploy("custom", &script{})
	full := engine.Errorf(engine.CodeExhausted, "the store is nearly full")
	store.Inject(enginetest.Hooks{Commit: func(c engine.Commit) enginetest.Fault {
		if c.Grows {
			return enginetest.Fault{Before: full}
		}
		return enginetest.Fault{}
	}})
	for name, refused := range map[string]func() error{
		"create an application": func() error {
			_, err := w.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "more"})
			return err
		},
		"provision": func() error {
			_, err := w.Provision(t.Context(), admin, app, engine.ProvisionRequest{Body: []byte("more")})
			return err
		},
		"import": func() error {
			out, err := w.Import(t.Context(), admin, app, []engine.ProvisionRequest{{Body: []byte("more")}})
			require.NoError(t, err)
			return out[0].Err
		},
		"bind": func() error {
			_, _, err := w.BindRegistration(t.Context(), admin, app, second, engine.Profile{Body: []byte(`{}`)}, 0)
			return err
		},
		"upload": func() error {
			_, err := w.UploadModule(t.Context(), admin, w.runtime.add(&script{}))
			return err
		},
		"deploy": func() error {
			_, err := w.DeployService(t.Context(), admin, "more", engine.ServiceSpec{Module: module}, engine.DeployOptions{})
			return err
		},
		"keep a secret": func() error {
			_, _, err := w.SetSecret(t.Context(), admin, "more", []byte("s"), 0)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { requireCode(t, engine.CodeExhausted, refused()) })
	}

	require.True(t, w.verify(app, first, "device").Accepted, "a claim goes on")
	_, err = w.Revoke(t.Context(), admin, app, first)
	require.NoError(t, err)
	require.False(t, w.verify(app, first, "device").Accepted)
	require.True(t, w.verify(app, second, "device").Accepted)
	require.NoError(t, w.DeleteRegistration(t.Context(), admin, app, second, 0))
	_, err = w.RollbackService(t.Context(), admin, "custom", 1, engine.DeployOptions{})
	require.NoError(t, err)
	require.NoError(t, w.DeleteApplication(t.Context(), admin, other, 0))
	again, err := w.Provision(t.Context(), admin, app, engine.ProvisionRequest{Body: []byte("second")})
	require.NoError(t, err, "what is there already adds nothing")
	require.False(t, again.Created)
}
