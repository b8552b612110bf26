package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// What a session costs the engine beside a verification without one, over a
// store that costs nothing.
func BenchmarkSession(b *testing.B) {
	store := enginetest.NewMemoryStore()
	e := engine.New(engine.Options{Store: store, Builtins: builtin.Services(), Vault: engine.NewVault(store, []engine.VaultKey{vaultKey(b, 1)})})
	b.Cleanup(e.Close)
	app, err := e.CreateApplication(b.Context(), admin, engine.ApplicationSpec{Name: "a"})
	require.NoError(b, err)
	request := engine.VerifyRequest{CredentialsID: "x", EndpointID: "ep"}
	asking := request
	asking.SessionTTL = hour
	v, err := e.Verify(b.Context(), admin, app.ID, asking)
	require.NoError(b, err)
	verify := func(r engine.VerifyRequest) func(*testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				if v, err := e.Verify(b.Context(), admin, app.ID, r); err != nil || !v.Accepted {
					b.Fatal(v.Reason, err)
				}
			}
		}
	}
	b.Run("verify", verify(request))
	b.Run("verify and open", verify(asking))
	b.Run("introspect", func(b *testing.B) {
		for b.Loop() {
			if in, err := e.Introspect(b.Context(), admin, app.ID, engine.IntrospectRequest{Token: v.Session.Token}); err != nil || !in.Active {
				b.Fatal(in.Reason, err)
			}
		}
	})
}
