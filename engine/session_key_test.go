package engine_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

func keySet(t *testing.T, e *engine.Engine) jose.JSONWebKeySet {
	t.Helper()
	raw, n, err := e.SessionKeys(t.Context())
	require.NoError(t, err)
	require.NotContains(t, string(raw), `"d"`, "a private part")
	var set jose.JSONWebKeySet
	require.NoError(t, json.Unmarshal(raw, &set))
	require.Len(t, set.Keys, n)
	return set
}

// check verifies a token as one does who has the key set only.
func check(t *testing.T, set jose.JSONWebKeySet, token string, app engine.ApplicationID, now time.Time) (map[string]any, error) {
	t.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.EdDSA})
	require.NoError(t, err)
	var claims jwt.Claims
	var all map[string]any
	if err := parsed.Claims(set, &claims, &all); err != nil {
		return nil, err
	}
	return all, claims.ValidateWithLeeway(jwt.Expected{Issuer: "credence", AnyAudience: jwt.Audience{string(app)}, Time: now}, 0)
}

func TestWhoeverHasTheKeySetCanVerifyATokenByItself(t *testing.T) {
	w := newSessionWorld(t)
	require.Empty(t, keySet(t, w.Engine).Keys)
	app := w.app(engine.Trustful)
	s := w.openSession(app, `id "with" odd/characters`, "ключ")
	set := keySet(t, w.Engine)
	require.Len(t, set.Keys, 1)
	claims, err := check(t, set, s.Token, app, w.now)
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"iss": "credence", "aud": string(app), "sub": "ключ", "jti": string(s.ID), "credentials_id": `id "with" odd/characters`,
		"iat": float64(w.now.Unix()), "nbf": float64(w.now.Unix()), "exp": float64(s.ExpiresAt.Unix()), "resource_version": float64(s.Version),
	}, claims)
	_, err = check(t, set, s.Token, app, w.now.Add(hour+time.Second))
	require.ErrorIs(t, err, jwt.ErrExpired)
}

// forger makes tokens that the engine has not made.
type forger struct {
	t      *testing.T
	header map[string]any
	claims map[string]any
	key    crypto.Signer
}

func (f *forger) token() string {
	part := func(v any) string {
		raw, err := json.Marshal(v)
		require.NoError(f.t, err)
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	text := part(f.header) + "." + part(f.claims)
	var signature []byte
	if f.key != nil {
		var err error
		signature, err = f.key.Sign(rand.Reader, []byte(text), crypto.Hash(0))
		require.NoError(f.t, err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestNoOtherTokenIsActive(t *testing.T) {
	w := newSessionWorld(t)
	app, other := w.app(engine.Trustful), w.app(engine.Trustful)
	s := w.openSession(app, "x", "ep")
	later := w.openSession(app, "y", "ep-y")
	ended := w.openSession(app, "x", "ep")
	_, err := w.EndSession(t.Context(), admin, app, ended.ID)
	require.NoError(t, err)
	foreign := newSessionWorld(t) // another deployment, with the same vault key
	foreignApp := foreign.app(engine.Trustful)
	parts := strings.Split(s.Token, ".")

	_, own, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	forged := func(change func(*forger)) string {
		f := &forger{t: t, key: own}
		for i, v := range []*map[string]any{&f.header, &f.claims} {
			raw, err := base64.RawURLEncoding.DecodeString(parts[i])
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(raw, v))
		}
		change(f)
		return f.token()
	}
	flip := func(part, at int) string { // one bit of a part
		changed := strings.Split(s.Token, ".")
		raw, err := base64.RawURLEncoding.DecodeString(changed[part])
		require.NoError(t, err)
		raw[at] ^= 1
		changed[part] = base64.RawURLEncoding.EncodeToString(raw)
		return strings.Join(changed, ".")
	}
	public := own.Public().(ed25519.PublicKey)
	for name, test := range map[string]struct {
		token string
		want  engine.Reason
		says  string
	}{
		"nothing":              {"", engine.ReasonBadToken, "no token"},
		"no token":             {"hello", engine.ReasonBadToken, "no token"},
		"no parts":             {"..", engine.ReasonBadToken, "no token"},
		"four parts":           {s.Token + ".x", engine.ReasonBadToken, "no token"},
		"a session's id":       {string(s.ID), engine.ReasonBadToken, "no token"},
		"far too long":         {s.Token + strings.Repeat("A", 9000), engine.ReasonBadToken, "no token"},
		"no signature":         {parts[0] + "." + parts[1] + ".", engine.ReasonBadToken, ""},
		"another's signature":  {parts[0] + "." + parts[1] + "." + strings.Split(later.Token, ".")[2], engine.ReasonBadToken, "signature"},
		"a bit of the header":  {flip(0, 5), engine.ReasonBadToken, ""},
		"a bit of the claims":  {flip(1, 10), engine.ReasonBadToken, ""},
		"a bit of the end":     {flip(2, 40), engine.ReasonBadToken, "signature"},
		"none, not signed":     {forged(func(f *forger) { f.header["alg"], f.key = "none", nil }), engine.ReasonBadToken, "no token"},
		"None, not signed":     {forged(func(f *forger) { f.header["alg"], f.key = "None", nil }), engine.ReasonBadToken, "no token"},
		"no algorithm":         {forged(func(f *forger) { delete(f.header, "alg") }), engine.ReasonBadToken, "no token"},
		"HS256, by public key": {hmacToken(t, parts[1], public, keyID(t, parts[0])), engine.ReasonBadToken, "no token"},
		"RS256":                {rsaToken(t, parts[1], keyID(t, parts[0])), engine.ReasonBadToken, "no token"},
		"another key":          {forged(func(*forger) {}), engine.ReasonBadToken, "signature"},
		"another key by its id": {forged(func(f *forger) {
			f.header["kid"] = strings.Repeat("A", 43)
		}), engine.ReasonBadToken, "key"},
		"another key, embedded": {forged(func(f *forger) {
			f.header["jwk"] = jose.JSONWebKey{Key: public}
		}), engine.ReasonBadToken, ""},
		"another key by address":      {forged(func(f *forger) { f.header["jku"] = "http://127.0.0.1:1/jwks" }), engine.ReasonBadToken, ""},
		"no key named":                {forged(func(f *forger) { delete(f.header, "kid") }), engine.ReasonBadToken, "no token"},
		"a key outside of its place":  {forged(func(f *forger) { f.header["kid"] = "../../cred" }), engine.ReasonBadToken, "no token"},
		"a session outside its place": {forged(func(f *forger) { f.claims["jti"] = "../../../x" }), engine.ReasonBadToken, "no token"},
		"a session of others":         {forged(func(f *forger) { f.claims["jti"] = later.ID }), engine.ReasonBadToken, "no token"},
		"an extension that must be understood": {forged(func(f *forger) {
			f.header["crit"], f.header["b64"] = []string{"b64"}, false
		}), engine.ReasonBadToken, ""},
		"another deployment": {foreign.openSession(foreignApp, "x", "ep").Token, engine.ReasonBadToken, "key"},
		"of another application, which has the credentials too": {w.openSession(other, "x", "ep").Token, engine.ReasonBadToken, "another application"},
		"of a session that was ended":                           {ended.Token, engine.ReasonSessionEnded, ""},
	} {
		t.Run(name, func(t *testing.T) {
			in := w.introspect(app, test.token)
			require.Equal(t, test.want, in.Reason)
			require.Contains(t, in.Detail, test.says)
		})
	}
	require.True(t, w.introspect(app, s.Token).Active, "the token that all of this was made of")

	w.advance(hour)
	in := w.introspect(app, s.Token)
	require.Equal(t, engine.ReasonSessionExpired, in.Reason)
}

// That a token was good once says nothing of another key, or of none.
func TestATokenIsHeldAgainstTheKeyThatIsThereNow(t *testing.T) {
	w := newSessionWorld(t)
	app := w.app(engine.Trustful)
	token := w.openSession(app, "x", "ep").Token
	fresh := w.openSession(app, "x", "ep").Token // never looked at before
	key := "sessionkey/" + keyIDs(t, w.Engine)[0]
	snap, err := w.store.Read(t.Context(), engine.Strict, key)
	require.NoError(t, err)
	put := func(write engine.Write) {
		write.Key = key
		_, err := w.store.Commit(t.Context(), engine.Commit{Writes: []engine.Write{write}})
		require.NoError(t, err)
	}
	other := newSessionWorld(t)
	other.openSession(other.app(engine.Trustful), "x", "ep")
	foreign := all(t, other.store, "sessionkey/")[0].Value
	for range 2 {
		require.True(t, w.introspect(app, token).Active)
	}
	for name, write := range map[string]engine.Write{
		"none": {Delete: true}, "an empty one": {Value: []byte{}}, "a damaged one": {Value: []byte("damaged")}, "another one": {Value: foreign},
	} {
		put(write)
		for _, text := range []string{token, fresh} {
			require.Equal(t, engine.ReasonBadToken, w.introspect(app, text).Reason, name)
		}
	}
	put(engine.Write{Value: snap.Records[0].Value})
	require.True(t, w.introspect(app, token).Active)
	require.True(t, w.introspect(app, fresh).Active)
}

func keyID(t *testing.T, header string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(header)
	require.NoError(t, err)
	var h struct{ Kid string }
	require.NoError(t, json.Unmarshal(raw, &h))
	return h.Kid
}

func hmacToken(t *testing.T, claims string, key []byte, kid string) string {
	t.Helper()
	return otherToken(t, claims, jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: key, KeyID: kid}})
}

func rsaToken(t *testing.T, claims, kid string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return otherToken(t, claims, jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: kid}})
}

func otherToken(t *testing.T, claims string, key jose.SigningKey) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(claims)
	require.NoError(t, err)
	with, err := jose.NewSigner(key, nil)
	require.NoError(t, err)
	signed, err := with.Sign(payload)
	require.NoError(t, err)
	token, err := signed.CompactSerialize()
	require.NoError(t, err)
	return token
}

// Whatever a token says, it is refused unless the engine has made it.
func FuzzTokensAreRefused(f *testing.F) {
	store := enginetest.NewMemoryStore()
	key, err := engine.NewVaultKey(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	e := engine.New(engine.Options{Store: store, Builtins: builtin.Services(), Vault: engine.NewVault(store, []engine.VaultKey{key})})
	f.Cleanup(e.Close)
	app, err := e.CreateApplication(f.Context(), admin, engine.ApplicationSpec{Name: "a"})
	if err != nil {
		f.Fatal(err)
	}
	v, err := e.Verify(f.Context(), admin, app.ID, engine.VerifyRequest{CredentialsID: "x", SessionTTL: engine.DefaultSessionTTL})
	if err != nil {
		f.Fatal(err)
	}
	good := v.Session.Token
	parts := strings.Split(good, ".")
	for _, seed := range []string{good, "", "..", parts[0] + "." + parts[1] + ".", "e30.e30.", `{"payload":"e30"}`, parts[0] + ".e30." + parts[2]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		in, err := e.Introspect(t.Context(), admin, app.ID, engine.IntrospectRequest{Token: token})
		if err != nil {
			t.Fatalf("no decision: %v", err)
		}
		if in.Active && token != good {
			t.Fatalf("%q is active", token)
		}
	})
}
