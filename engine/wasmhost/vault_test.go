package wasmhost

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

func tokenOf(key, challenge string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(challenge))
	return string(mac.Sum(nil))
}

// A module judges proofs with a secret that it never sees: it is granted, set,
// replaced and deleted while the service runs.
func TestAModuleJudgesWithASecretOfTheVault(t *testing.T) {
	store := enginetest.NewMemoryStore()
	key, err := engine.NewVaultKey(make([]byte, 32))
	require.NoError(t, err)
	vault := engine.NewVault(store, []engine.VaultKey{key})
	w := newWorldOn(t, store, Options{Secrets: vault.Secret})
	keeper := engine.New(engine.Options{Store: store, Vault: vault}) // the same node: it has the same vault
	t.Cleanup(keeper.Close)
	set := func(value string) {
		t.Helper()
		_, _, err := keeper.SetSecret(t.Context(), admin, "vendor", []byte(value), 0)
		require.NoError(t, err)
	}

	wasm := wattest.Module(t, "vendor-token")
	refused := failure(t, engine.CodeConflict, w.tryDeploy("tokens", wasm, engine.ServiceSpec{}))
	require.JSONEq(t, `{"secrets":["vendor"]}`, string(refused.Missing))
	w.deploy("tokens", wasm, engine.ServiceSpec{Grants: []byte(`{"secrets":["vendor"]}`)})
	app := w.app("tokens")
	_, err = w.prove(app, "nonce", tokenOf("first", "nonce"))
	requireCode(t, engine.CodeUnavailable, err) // not set yet

	set("first")
	v, err := w.prove(app, "nonce", tokenOf("first", "nonce"))
	require.NoError(t, err)
	require.True(t, v.Accepted, v.Detail)
	for _, wrong := range []string{tokenOf("second", "nonce"), tokenOf("first", "other nonce"), "short", tokenOf("first", "nonce") + "x"} {
		v, err = w.prove(app, "nonce", wrong)
		require.NoError(t, err)
		require.Equal(t, engine.ReasonBadProof, v.Reason)
	}
	set("second")
	v, err = w.prove(app, "nonce", tokenOf("second", "nonce"))
	require.NoError(t, err)
	require.True(t, v.Accepted, v.Detail)
	require.NoError(t, keeper.DeleteSecret(t.Context(), admin, "vendor", 0))
	_, err = w.prove(app, "nonce", tokenOf("second", "nonce"))
	requireCode(t, engine.CodeUnavailable, err)
}

// A node without the key of a secret gives no decision, and its log names the
// key that is missing.
func TestASecretThatCannotBeReadIsNoDecision(t *testing.T) {
	store := enginetest.NewMemoryStore()
	right, err := engine.NewVaultKey(make([]byte, 32))
	require.NoError(t, err)
	keeper := engine.New(engine.Options{Store: store, Vault: engine.NewVault(store, []engine.VaultKey{right})})
	t.Cleanup(keeper.Close)
	_, _, err = keeper.SetSecret(t.Context(), admin, "vendor", []byte("hunter2"), 0)
	require.NoError(t, err)
	wrong, err := engine.NewVaultKey([]byte("another key of thirty-two bytes."))
	require.NoError(t, err)
	w := newWorldOn(t, store, Options{Secrets: engine.NewVault(store, []engine.VaultKey{wrong}).Secret, Limits: Limits{CallTimeout: time.Second}})
	w.deploy("tokens", wattest.Module(t, "vendor-token"), engine.ServiceSpec{Grants: []byte(`{"secrets":["vendor"]}`)})
	_, err = w.prove(w.app("tokens"), "nonce", tokenOf("hunter2", "nonce"))
	requireCode(t, engine.CodeUnavailable, err)
	sum := sha256.Sum256(make([]byte, 32))
	require.Len(t, w.log.lines("vendor", "was encrypted with the key", hex.EncodeToString(sum[:8])), 1)
	require.Empty(t, w.log.lines("hunter2"))
}

// What a proof adds to a verification, with a secret of the vault in it, on the
// memory store.
func BenchmarkVerify(b *testing.B) {
	store := enginetest.NewMemoryStore()
	key, err := engine.NewVaultKey(make([]byte, 32))
	require.NoError(b, err)
	vault := engine.NewVault(store, []engine.VaultKey{key})
	keeper := engine.New(engine.Options{Store: store, Vault: vault})
	b.Cleanup(keeper.Close)
	_, _, err = keeper.SetSecret(b.Context(), admin, "vendor", []byte("first"), 0)
	require.NoError(b, err)
	w := newWorldOn(b, store, Options{Secrets: vault.Secret})
	w.deploy("tokens", wattest.Module(b, "vendor-token"), engine.ServiceSpec{Grants: []byte(`{"secrets":["vendor"]}`)})
	app := w.app("tokens")
	_, err = w.verify(app, "x") // the claim
	require.NoError(b, err)
	token := tokenOf("first", "nonce")
	for name, verify := range map[string]func() (engine.Verdict, error){
		"without a proof": func() (engine.Verdict, error) { return w.verify(app, "x") },
		"with a proof":    func() (engine.Verdict, error) { return w.prove(app, "nonce", token) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v, err := verify(); err != nil || !v.Accepted {
					b.Fatal(v, err)
				}
			}
		})
	}
}
