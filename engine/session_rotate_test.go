package engine_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// sessionNode is one of several engines over one store, in simulated time.
func sessionNode(t *testing.T, store engine.Store, seeds ...byte) *engine.Engine {
	t.Helper()
	keys := make([]engine.VaultKey, len(seeds))
	for i, seed := range seeds {
		keys[i] = vaultKey(t, seed)
	}
	e := engine.New(engine.Options{
		Store: store, Builtins: builtin.Services(), Vault: engine.NewVault(store, keys),
		Sessions: engine.SessionOptions{KeyRotation: hour},
	})
	t.Cleanup(e.Close)
	return e
}

// runFor does the background work of engines for a time, and calls each minute.
func runFor(t *testing.T, d time.Duration, each func(), engines ...*engine.Engine) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for _, e := range engines {
		group.Go(func() { assert.NoError(t, e.Run(ctx)) })
	}
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Minute) {
		synctest.Wait()
		each()
	}
	cancel()
	group.Wait()
}

func tokenOf(t *testing.T, e *engine.Engine, app engine.ApplicationID) string {
	t.Helper()
	v, err := e.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: "x", SessionTTL: 24 * hour})
	require.NoError(t, err)
	return v.Session.Token
}

func signedWith(t *testing.T, token string) string {
	t.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.EdDSA})
	require.NoError(t, err)
	return parsed.Headers[0].KeyID
}

func active(t *testing.T, e *engine.Engine, app engine.ApplicationID, token string) bool {
	t.Helper()
	in, err := e.Introspect(t.Context(), admin, app, engine.IntrospectRequest{Token: token})
	require.NoError(t, err)
	return in.Active
}

func keyIDs(t *testing.T, e *engine.Engine) (ids []string) {
	t.Helper()
	for _, k := range keySet(t, e).Keys {
		ids = append(ids, k.KeyID)
	}
	return ids
}

// A key is published for ten minutes before it signs, signs for an hour, and
// stays for as long as a token may last.
func TestKeysAreRotated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := enginetest.NewMemoryStore()
		e := sessionNode(t, store, 1)
		app, err := e.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "a"})
		require.NoError(t, err)
		runFor(t, 2*time.Minute, func() { require.Empty(t, keyIDs(t, e), "nobody has asked for a session") }, e)

		published := map[string]time.Time{}
		signed := map[string]time.Time{}
		var order []string
		var tokens []string
		runFor(t, 4*hour, func() {
			token := tokenOf(t, e, app.ID)
			kid := signedWith(t, token)
			for _, id := range keyIDs(t, e) {
				if _, known := published[id]; !known {
					published[id] = time.Now()
				}
			}
			if !slices.Contains(order, kid) {
				order, tokens = append(order, kid), append(tokens, token)
				signed[kid] = time.Now()
			}
			require.Equal(t, order[len(order)-1], kid, "an earlier key signs again")
			require.Contains(t, published, kid)
		}, e)
		require.Len(t, order, 4)
		for _, kid := range order[1:] {
			require.GreaterOrEqual(t, signed[kid].Sub(published[kid]), 10*time.Minute)
		}
		other := sessionNode(t, store, 1) // a node whose work has ended decides nothing
		for _, token := range tokens {
			require.True(t, active(t, other, app.ID, token))
		}

		time.Sleep(20 * hour)
		require.False(t, active(t, other, app.ID, tokens[0]), "it has expired")
		require.True(t, active(t, other, app.ID, tokens[3]))
		runFor(t, 2*time.Minute, func() {}, e)
		require.Subset(t, keyIDs(t, e), order)
		time.Sleep(engine.MaxSessionTTL - 10*hour)
		runFor(t, 2*time.Minute, func() {}, e)
		for _, kid := range order[:3] {
			require.NotContains(t, keyIDs(t, e), kid)
		}
		require.NotEmpty(t, tokenOf(t, other, app.ID), "after a long rest a key is there at once")
	})
}

// Of several nodes that all want the first key, and later the next, one makes
// it, and each knows the tokens of the others at once.
func TestSeveralNodesRotateOneRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := enginetest.NewMemoryStore()
		var nodes []*engine.Engine
		for range 4 {
			nodes = append(nodes, sessionNode(t, store, 1))
		}
		app, err := nodes[0].CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "a"})
		require.NoError(t, err)
		tokens := make([]string, len(nodes))
		var group sync.WaitGroup
		for i, e := range nodes {
			group.Go(func() {
				v, err := e.Verify(t.Context(), admin, app.ID, engine.VerifyRequest{CredentialsID: "x", SessionTTL: 24 * hour})
				if assert.NoError(t, err) {
					tokens[i] = v.Session.Token
				}
			})
		}
		group.Wait()
		for _, e := range nodes {
			for _, token := range tokens {
				require.True(t, active(t, e, app.ID, token))
			}
			require.Len(t, keyIDs(t, e), 1)
		}
		runFor(t, 3*hour, func() {
			token := tokenOf(t, nodes[0], app.ID)
			for _, e := range nodes {
				require.True(t, active(t, e, app.ID, token))
				require.Contains(t, keyIDs(t, e), signedWith(t, token))
			}
		}, nodes...)
		require.Len(t, keyIDs(t, nodes[0]), 4, "one for each hour, and the next")
	})
}

// A node that starts anew goes by the keys that are there, and needs the
// vault's key to sign only.
func TestARestartKeepsTheKeys(t *testing.T) {
	store := enginetest.NewMemoryStore()
	first := sessionNode(t, store, 1)
	app, err := first.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "a"})
	require.NoError(t, err)
	token := tokenOf(t, first, app.ID)
	again := sessionNode(t, store, 1)
	require.True(t, active(t, again, app.ID, token))
	require.Equal(t, signedWith(t, token), signedWith(t, tokenOf(t, again, app.ID)))

	for seed, words := range map[byte]string{0: "secrets.keyFile", 9: "which this node does not have"} {
		var seeds []byte
		if seed != 0 {
			seeds = []byte{seed}
		}
		blind := sessionNode(t, store, seeds...)
		require.True(t, active(t, blind, app.ID, token))
		require.Equal(t, keyIDs(t, first), keyIDs(t, blind))
		_, err = blind.Verify(t.Context(), admin, app.ID, engine.VerifyRequest{CredentialsID: "x", SessionTTL: hour})
		require.ErrorContains(t, err, words)
	}
}

// A vault key that is replaced can go once a node has started with the new one.
func TestKeysOfSessionsFollowTheVaultsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := enginetest.NewMemoryStore()
		first := sessionNode(t, store, 1)
		app, err := first.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "a"})
		require.NoError(t, err)
		token := tokenOf(t, first, app.ID)
		runFor(t, time.Minute, func() {}, sessionNode(t, store, 2, 1))
		later := sessionNode(t, store, 2)
		require.Equal(t, signedWith(t, token), signedWith(t, tokenOf(t, later, app.ID)))
	})
}

// What has expired is removed, and nothing else.
func TestTheSweepRemovesSessionsThatHaveExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := enginetest.NewMemoryStore()
		e := sessionNode(t, store, 1)
		app, err := e.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "a"})
		require.NoError(t, err)
		open := func(ttl time.Duration) {
			_, err := e.Verify(t.Context(), admin, app.ID, engine.VerifyRequest{CredentialsID: "x", SessionTTL: ttl})
			require.NoError(t, err)
		}
		for range 120 { // more than one page
			open(time.Minute)
		}
		open(24 * hour)
		_, err = e.EndSessions(t.Context(), admin, app.ID, "x")
		require.NoError(t, err)
		time.Sleep(hour)
		_, err = e.EndSessions(t.Context(), admin, app.ID, "x") // the same mark, anew
		require.NoError(t, err)
		require.Len(t, all(t, store, "session/"), 121)

		sweep := func() { runFor(t, time.Minute, func() {}, e, sessionNode(t, store, 1)) }
		time.Sleep(hour)
		sweep()
		require.Len(t, all(t, store, "session/"), 1)
		require.Len(t, all(t, store, "ended/"), 1)
		time.Sleep(24 * hour)
		sweep()
		require.Empty(t, all(t, store, "session/"))
		time.Sleep(engine.MaxSessionTTL - 2*hour) // the first of the two is due
		sweep()
		require.Len(t, all(t, store, "ended/"), 1, "a session may still be open that it ends")
		time.Sleep(3 * hour)
		sweep()
		require.Empty(t, all(t, store, "ended/"))
		require.Empty(t, all(t, store, "due/"))
	})
}
