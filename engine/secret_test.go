package engine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

const plaintext = "hunter2-the-plaintext"

func vaultKey(t testing.TB, seed byte) engine.VaultKey {
	t.Helper()
	key, err := engine.NewVaultKey(bytes.Repeat([]byte{seed}, 32))
	require.NoError(t, err)
	return key
}

// node is an engine over a store that has these keys.
func node(t *testing.T, store engine.Store, seeds ...byte) (*engine.Engine, *engine.Vault) {
	t.Helper()
	keys := make([]engine.VaultKey, len(seeds))
	for i, seed := range seeds {
		keys[i] = vaultKey(t, seed)
	}
	vault := engine.NewVault(store, keys)
	e := engine.New(engine.Options{Store: store, Vault: vault})
	t.Cleanup(e.Close)
	return e, vault
}

func set(t *testing.T, e *engine.Engine, name engine.SecretName, value string) engine.Secret {
	t.Helper()
	s, _, err := e.SetSecret(t.Context(), admin, name, []byte(value), 0)
	require.NoError(t, err)
	return s
}

func requireValue(t *testing.T, v *engine.Vault, name, want string) {
	t.Helper()
	got, err := v.Secret(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}

// dump is all that a store holds.
func dump(t *testing.T, store engine.Store) string {
	t.Helper()
	page, err := store.List(t.Context(), engine.ListRequest{Prefixes: []string{""}, Limit: engine.MaxListLimit})
	require.NoError(t, err)
	require.False(t, page.More)
	var b strings.Builder
	for _, r := range page.Records {
		fmt.Fprintf(&b, "%s\x00%s\x00", r.Key, r.Value)
	}
	return b.String()
}

func TestASecretIsSetReplacedAndDeleted(t *testing.T) {
	e, vault := node(t, enginetest.NewMemoryStore(), 1)
	first, created, err := e.SetSecret(t.Context(), admin, "erp-token", []byte("one"), 0)
	require.NoError(t, err)
	require.True(t, created)
	require.Equal(t, engine.SecretName("erp-token"), first.Name)
	require.Equal(t, admin.User, first.UpdatedBy)
	requireValue(t, vault, "erp-token", "one")
	again, created, err := e.SetSecret(t.Context(), admin, "erp-token", []byte("two"), first.Version)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, first.CreatedAt, again.CreatedAt)
	require.Greater(t, again.Version, first.Version)
	requireValue(t, vault, "erp-token", "two")
	_, _, err = e.SetSecret(t.Context(), admin, "erp-token", []byte("three"), first.Version)
	requireCode(t, engine.CodeStale, err)
	requireValue(t, vault, "erp-token", "two")

	set(t, e, "another", "x")
	list, err := e.Secrets(t.Context(), engine.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list.Items, 2)
	require.Equal(t, again, list.Items[1])
	list, err = e.Secrets(t.Context(), engine.ListOptions{Filters: []engine.Filter{{Field: "name", Value: "another"}}})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)

	requireCode(t, engine.CodeStale, e.DeleteSecret(t.Context(), admin, "erp-token", first.Version))
	require.NoError(t, e.DeleteSecret(t.Context(), admin, "erp-token", again.Version))
	requireCode(t, engine.CodeNotFound, e.DeleteSecret(t.Context(), admin, "erp-token", 0))
	_, err = vault.Secret(t.Context(), "erp-token")
	require.ErrorIs(t, err, engine.ErrNotFound)
	requireCode(t, engine.CodeNotFound, err)
	_, err = vault.Secret(t.Context(), "no/name")
	require.ErrorIs(t, err, engine.ErrNotFound)
}

func TestTheSameValueAgainLeavesTheSameSecret(t *testing.T) {
	e, vault := node(t, enginetest.NewMemoryStore(), 1)
	for range 3 {
		set(t, e, "a", "same")
		requireValue(t, vault, "a", "same")
	}
	list, err := e.Secrets(t.Context(), engine.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
}

func TestAValueIsNowhereInTheStore(t *testing.T) {
	store := enginetest.NewMemoryStore()
	e, _ := node(t, store, 1)
	caller := admin
	sum := sha256.Sum256([]byte(plaintext))
	caller.Idempotency = &engine.Idempotency{Key: "k", Request: sum}
	for range 2 {
		_, _, err := e.SetSecret(t.Context(), caller, "erp-token", []byte(plaintext), 0)
		require.NoError(t, err)
	}
	all := dump(t, store)
	require.Contains(t, all, "secret/erp-token")
	require.Equal(t, 2, strings.Count(all, "secret.set"), "both changes are in the audit log")
	for _, trace := range []string{
		plaintext, base64.StdEncoding.EncodeToString([]byte(plaintext)), fmt.Sprintf("%x", plaintext),
		string(sum[:]), // which would confirm a guess
	} {
		require.NotContains(t, all, trace)
	}
	require.NotContains(t, all, "idem/")
}

func TestANodeWithAnotherKeySaysSo(t *testing.T) {
	store := enginetest.NewMemoryStore()
	right, _ := node(t, store, 1)
	set(t, right, "erp-token", plaintext)
	_, wrong := node(t, store, 2)
	_, err := wrong.Secret(t.Context(), "erp-token")
	requireCode(t, engine.CodeUnavailable, err)
	sum := sha256.Sum256(bytes.Repeat([]byte{1}, 32))
	require.Contains(t, err.Error(), fmt.Sprintf("%x", sum[:8]), "the id of the key that is missing")
	require.NotContains(t, err.Error(), plaintext)

	none, vault := node(t, store)
	_, err = vault.Secret(t.Context(), "erp-token")
	requireCode(t, engine.CodeUnsupported, err)
	_, _, err = none.SetSecret(t.Context(), admin, "erp-token", []byte("x"), 0)
	requireCode(t, engine.CodeUnsupported, err)
	require.Contains(t, err.Error(), "secrets.keyFile")
	require.NoError(t, none.DeleteSecret(t.Context(), admin, "erp-token", 0), "which needs no key")
}

func TestAKeyIsReplacedWithoutAGap(t *testing.T) {
	store := enginetest.NewMemoryStore()
	old, _ := node(t, store, 1)
	set(t, old, "a", "value")
	_, learned := node(t, store, 1, 2) // every node learns the new key,
	requireValue(t, learned, "a", "value")
	both, vault := node(t, store, 2, 1) // then it comes first,
	requireValue(t, vault, "a", "value")
	background(t, both) // which encrypts anew,
	require.Eventually(t, func() bool {
		_, after := node(t, store, 2) // and the old one can go
		value, err := after.Secret(t.Context(), "a")
		return err == nil && string(value) == "value"
	}, soon, tick)
	require.Equal(t, 1, strings.Count(dump(t, store), "secret.reseal"))
}

// logBuffer is a log that a test reads while an engine writes.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// background runs what no request waits for until the test ends.
func background(t *testing.T, e *engine.Engine) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

func TestASecretThatANodeCannotOpenIsNamedAtItsStart(t *testing.T) {
	store := enginetest.NewMemoryStore()
	right, _ := node(t, store, 1)
	set(t, right, "erp-token", plaintext)
	var log logBuffer
	e := engine.New(engine.Options{
		Store: store, Vault: engine.NewVault(store, []engine.VaultKey{vaultKey(t, 2)}), Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	t.Cleanup(e.Close)
	background(t, e)
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "secret=erp-token") }, soon, tick)
	require.Contains(t, log.String(), "was encrypted with the key")
	require.NotContains(t, log.String(), plaintext)
}

func TestACiphertextUnderAnotherNameIsRefused(t *testing.T) {
	store := enginetest.NewMemoryStore()
	e, vault := node(t, store, 1)
	set(t, e, "mine", plaintext)
	snap, err := store.Read(t.Context(), engine.Strict, "secret/mine")
	require.NoError(t, err)
	record := snap.Records[0].Value
	flipped := bytes.Clone(record)
	flipped[len(flipped)-1] ^= 1
	for name, value := range map[string][]byte{"yours": record, "changed": flipped} {
		_, err = store.Commit(t.Context(), engine.Commit{Writes: []engine.Write{{Key: "secret/" + name, Value: value}}})
		require.NoError(t, err)
		_, err = vault.Secret(t.Context(), name)
		requireCode(t, engine.CodeInternal, err)
		require.NotContains(t, err.Error(), plaintext)
	}
}

func TestAChangeOnAnotherNodeIsSeenWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := enginetest.NewMemoryStore()
		here, vault := node(t, store, 1)
		there, _ := node(t, store, 1)
		set(t, here, "a", "old")
		requireValue(t, vault, "a", "old")
		set(t, there, "a", "new")
		time.Sleep(999 * time.Millisecond)
		requireValue(t, vault, "a", "old") // kept for a second
		time.Sleep(time.Millisecond)
		requireValue(t, vault, "a", "new")
		require.NoError(t, there.DeleteSecret(t.Context(), admin, "a", 0))
		time.Sleep(time.Second)
		_, err := vault.Secret(t.Context(), "a")
		require.ErrorIs(t, err, engine.ErrNotFound)
	})
}

func TestSecretsThatCannotBeAreRefused(t *testing.T) {
	e, _ := node(t, enginetest.NewMemoryStore(), 1)
	for _, name := range []engine.SecretName{"", "-a", ".", "a/b", "a b", "ä", engine.SecretName(strings.Repeat("x", 65))} {
		_, _, err := e.SetSecret(t.Context(), admin, name, []byte("x"), 0)
		require.Equal(t, engine.CodeInvalid, engine.CodeOf(err), name)
	}
	_, _, err := e.SetSecret(t.Context(), admin, "a", nil, 0)
	requireCode(t, engine.CodeInvalid, err)
	_, _, err = e.SetSecret(t.Context(), admin, "a", make([]byte, engine.MaxSecretBytes+1), 0)
	requireCode(t, engine.CodeTooLarge, err)
	set(t, e, engine.SecretName(strings.Repeat("x", 64)), strings.Repeat("\x00", engine.MaxSecretBytes))
}

func TestKeysAreReadLineByLine(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	for text, want := range map[string]int{
		key: 1, key + "\n": 1, "# made 2026-01-01\r\n\r\n " + key + "\r\n" + key: 2,
	} {
		keys, err := engine.ParseVaultKeys([]byte(text))
		require.NoError(t, err)
		require.Len(t, keys, want)
		require.NotContains(t, fmt.Sprintf("%+v %#v", keys, keys), string(bytes.Repeat([]byte{7}, 32)))
	}
	for text, words := range map[string]string{
		"": "no key", "# none\n": "no key", key + "\n" + key[1:]: "line 2", "hunter2": "line 1", key + " " + key: "line 1",
		base64.StdEncoding.EncodeToString(make([]byte, 31)): "32 random bytes",
	} {
		_, err := engine.ParseVaultKeys([]byte(text))
		requireCode(t, engine.CodeInvalid, err)
		require.Contains(t, err.Error(), words)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func FuzzParseVaultKeys(f *testing.F) {
	f.Add([]byte("# a\n" + base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n"))
	f.Add([]byte("AAAA"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := engine.ParseVaultKeys(text)
		require.Equal(t, err == nil, len(keys) > 0)
	})
}
