package rest

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// opened verifies with a session and returns its id and token.
func (s *site) opened(app, credentials, endpoint string) (id, token string) {
	s.t.Helper()
	a := s.do("POST", app+"/verify", `{"credentialsId":"`+credentials+`","endpointId":"`+endpoint+`","session":{"ttlSeconds":3600}}`)
	require.Equal(s.t, "ACCEPTED", a.str("decision"), a.text)
	session, ok := a.json["session"].(map[string]any)
	require.True(s.t, ok, a.text)
	require.Contains(s.t, session, "expiresAt")
	return session["id"].(string), session["token"].(string)
}

func (s *site) introspected(app, token string) answer {
	s.t.Helper()
	a := s.do("POST", app+"/sessions/introspect", `{"token":"`+token+`"}`)
	require.Equal(s.t, 200, a.status, a.text)
	require.Equal(s.t, "strict", a.str("consistency"))
	require.NotZero(s.t, a.json["resourceVersion"])
	return a
}

func TestSessionsAreOpenedJudgedListedAndEnded(t *testing.T) {
	s := start(t)
	app := s.app("Trustful")
	first, token := s.opened(app, "x", "ep")
	second, another := s.opened(app, "x", "ep")
	_, others := s.opened(app, "y", "ep-y")

	a := s.introspected(app, token)
	require.Equal(t, true, a.json["active"])
	session := a.json["session"].(map[string]any)
	require.Equal(t, []any{first, "x", "ep"}, []any{session["id"], session["credentialsId"], session["endpointId"]})
	require.NotContains(t, a.text, token, "an answer repeats the token")
	require.Contains(t, s.do("GET", app+"/sessions/"+first, "").text, `"endpointId":"ep"`)
	require.Len(t, s.do("GET", app+"/sessions", "").json["items"], 3)
	require.Len(t, s.do("GET", app+"/sessions?credentialsId=x", "").json["items"], 2)
	require.Len(t, s.do("GET", app+"/sessions?endpointId=ep-y", "").json["items"], 1)
	require.NotEmpty(t, s.do("GET", app+"/sessions?pageSize=1", "").str("nextPageToken"))

	a = s.do("DELETE", app+"/sessions/"+first, "")
	require.Equal(t, 200, a.status, a.text)
	require.NotZero(t, a.json["enforcement"].(map[string]any)["revision"])
	require.Equal(t, "SESSION_ENDED", s.introspected(app, token).str("reason"))
	refused(t, s.do("DELETE", app+"/sessions/"+first, ""), 404, "not_found", "", "no open session")
	refused(t, s.do("GET", app+"/sessions/"+first, ""), 404, "not_found", "", "no open session")
	require.Equal(t, true, s.introspected(app, another).json["active"])

	a = s.do("DELETE", app+"/endpoints/ep/sessions?wait=enforced", "")
	require.Equal(t, 200, a.status, a.text)
	require.Equal(t, "ENFORCED", a.json["enforcement"].(map[string]any)["state"])
	require.Equal(t, "SESSION_ENDED", s.introspected(app, another).str("reason"))
	refused(t, s.do("GET", app+"/sessions/"+second, ""), 404, "not_found", "", "no open session")
	require.Equal(t, true, s.introspected(app, others).json["active"])

	require.Equal(t, 200, s.do("POST", app+"/credentials/y/revoke", "").status)
	require.Equal(t, "REVOKED", s.introspected(app, others).str("reason"))
	require.Empty(t, s.do("GET", app+"/sessions", "").json["items"])

	metrics := s.do("GET", "/metrics", "").text
	require.Contains(t, metrics, `credence_introspections_total{reason=""} 3`)
	require.Contains(t, metrics, `credence_introspections_total{reason="SESSION_ENDED"} 2`)
}

func TestRequestsAboutSessionsAreRefusedWithWords(t *testing.T) {
	s := start(t)
	app := s.app("Trustful")
	refused(t, s.do("POST", app+"/sessions/introspect", `{}`+"x"), 400, "invalid", "", "not valid JSON")
	refused(t, s.do("POST", app+"/sessions/introspect", `{"token":"x","consistency":"soon"}`), 400, "invalid", "/consistency", "bounded=")
	refused(t, s.do("GET", app+"/sessions?user=x", ""), 400, "invalid", "user", "credentialsId")
	refused(t, s.do("DELETE", app+"/endpoints/ep/sessions?wait=long", ""), 400, "invalid", "wait", "wait=enforced")
	refused(t, s.do("GET", app+"/sessions/..%2F..%2Fx", ""), 404, "not_found", "", "no open session")
	a := s.introspected(app, "hello")
	require.Equal(t, false, a.json["active"])
	require.Equal(t, "BAD_TOKEN", a.str("reason"))
	require.Equal(t, 401, s.do("POST", app+"/sessions/introspect", `{"token":"x"}`, with("Authorization", "")).status)
}

// An endpoint's id may hold anything.
func TestSessionsOfAnOddEndpointAreEnded(t *testing.T) {
	s := start(t)
	app := s.app("Trustful")
	const odd = "a/b+c=% ..?ключ"
	_, token := s.opened(app, "x", odd)
	a := s.do("DELETE", app+"/endpoints/"+url.PathEscape(odd)+"/sessions", "")
	require.Equal(t, 200, a.status, a.text)
	require.Equal(t, "SESSION_ENDED", s.introspected(app, token).str("reason"))
}

func TestTheKeySetIsForEverybody(t *testing.T) {
	s := start(t)
	a := s.do("GET", "/.well-known/jwks.json", "", with("Authorization", ""))
	require.Equal(t, 200, a.status, a.text)
	require.JSONEq(t, `{"keys":[]}`, a.text)
	require.Equal(t, "no-store", a.header.Get("Cache-Control"), "the first key signs at once")

	app := s.app("Trustful")
	_, token := s.opened(app, "x", "ep")
	a = s.do("GET", "/.well-known/jwks.json", "", with("Authorization", ""))
	require.Equal(t, "application/jwk-set+json", a.header.Get("Content-Type"))
	require.Equal(t, "public, max-age=300", a.header.Get("Cache-Control"))
	var set jose.JSONWebKeySet
	require.NoError(t, json.Unmarshal([]byte(a.text), &set))
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.EdDSA})
	require.NoError(t, err)
	var claims jwt.Claims
	require.NoError(t, parsed.Claims(set, &claims))
	require.Equal(t, jwt.Audience{strings.TrimPrefix(app, "/v1/applications/")}, claims.Audience)
	require.NotContains(t, s.log.String(), token, "a token is in the log")
}

func TestSessionsNeedAKeyForSecrets(t *testing.T) {
	s := start(t, func(o *Options) {
		store := enginetest.NewMemoryStore()
		blind := engine.New(engine.Options{Store: store, Builtins: builtin.Services()})
		_, err := blind.Bootstrap(t.Context(), password)
		require.NoError(t, err)
		t.Cleanup(blind.Close)
		o.Engine = blind
	})
	app := s.app("Trustful")
	refused(t, s.do("POST", app+"/verify", `{"credentialsId":"x","session":{"ttlSeconds":5}}`), 405, "unsupported", "", "secrets.keyFile")
	require.Equal(t, "ACCEPTED", s.do("POST", app+"/verify", `{"credentialsId":"x"}`).str("decision"))
}
