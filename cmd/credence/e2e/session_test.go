package e2e

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// jwk is a public key as RFC 8037 writes it.
type jwk struct{ Kty, Crv, Kid, Use, Alg, X string }

// keySet fetches the public keys as anybody can.
func (s *server) keySet(t *testing.T) []jwk {
	t.Helper()
	response, err := http.Get(s.url + "/.well-known/jwks.json")
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	var set struct{ Keys []jwk }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&set))
	return set.Keys
}

// claimsBy verifies a token with a set of keys and nothing else that is ours.
func claimsBy(t *testing.T, keys []jwk, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	decode := func(text string) []byte {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		require.NoError(t, err)
		return raw
	}
	var header struct{ Alg, Kid, Typ string }
	require.NoError(t, json.Unmarshal(decode(parts[0]), &header))
	require.Equal(t, []string{"EdDSA", "JWT"}, []string{header.Alg, header.Typ})
	for _, k := range keys {
		if k.Kid != header.Kid {
			continue
		}
		require.Equal(t, []string{"OKP", "Ed25519", "sig", "EdDSA"}, []string{k.Kty, k.Crv, k.Use, k.Alg})
		require.True(t, ed25519.Verify(decode(k.X), []byte(parts[0]+"."+parts[1]), decode(parts[2])))
		var claims map[string]any
		require.NoError(t, json.Unmarshal(decode(parts[1]), &claims))
		return claims
	}
	t.Fatalf("no key %s in %v", header.Kid, keys)
	return nil
}

// A session through the real program, its token verified by another process
// that has the public keys only, and both outliving a restart.
func TestASessionAndItsKeyOutliveARestart(t *testing.T) {
	s := newServer(t, "--log-level", "debug")
	app := s.app("plant", "Trustful")
	open := func() (id, token string) {
		verdict := s.must(http.StatusOK, http.MethodPost, app+"/verify",
			object{"credentialsId": "x", "endpointId": "ep", "session": object{"ttlSeconds": 3600}})
		session := verdict["session"].(map[string]any)
		return session["id"].(string), session["token"].(string)
	}
	judge := func(token string) object {
		return s.must(http.StatusOK, http.MethodPost, app+"/sessions/introspect", object{"token": token})
	}
	id, token := open()
	claims := claimsBy(t, s.keySet(t), token)
	require.Equal(t, []any{"credence", strings.TrimPrefix(app, "/v1/applications/"), "ep", id, "x"},
		[]any{claims["iss"], claims["aud"], claims["sub"], claims["jti"], claims["credentials_id"]})
	require.InDelta(t, 3600, claims["exp"].(float64)-claims["iat"].(float64), 1)
	require.Equal(t, true, judge(token)["active"])

	s.stop()
	s.start()
	require.Equal(t, claims, claimsBy(t, s.keySet(t), token))
	require.Equal(t, true, judge(token)["active"])
	_, later := open()
	require.Equal(t, strings.Split(token, ".")[0], strings.Split(later, ".")[0], "the same key signs on")

	s.must(http.StatusOK, http.MethodDelete, app+"/sessions/"+id, nil)
	require.Equal(t, "SESSION_ENDED", judge(token)["reason"])
	require.Equal(t, true, judge(later)["active"])
	s.must(http.StatusOK, http.MethodDelete, app+"/endpoints/ep/sessions", nil)
	require.Equal(t, "SESSION_ENDED", judge(later)["reason"])
	_, last := open()
	s.must(http.StatusOK, http.MethodPost, app+"/credentials/x/revoke", nil)
	require.Equal(t, "REVOKED", judge(last)["reason"])
	require.NotContains(t, s.output(), token, "a token is in the log")
}
