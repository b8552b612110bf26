package rest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARegistrationWaitsForItsEndpointAndIsKept(t *testing.T) {
	s := start(t)
	app := s.app("Internal")
	cred := s.do("POST", app+"/credentials", `{"body":"YWJj"}`)
	path := cred.header.Get("Location") + "/registration"
	refused(t, s.do("GET", path, ""), 404, "not_found", "", "nothing is registered")
	refused(t, s.do("PUT", path, `{"profileVersion":1,"profile":{}}`, with("If-Match", "*")), 412, "conflict", "", "nothing yet")

	bound := s.do("PUT", path, `{"profileVersion":3,"profile":{"floor":[1,2]}}`)
	require.Equal(t, 201, bound.status, bound.text)
	require.Equal(t, path, bound.header.Get("Location"))
	require.Equal(t, cred.str("id"), bound.str("credentialsId"))
	require.NotContains(t, bound.json, "endpointId")
	require.Equal(t, map[string]any{"floor": []any{1.0, 2.0}}, bound.json["profile"])

	require.Equal(t, "ACCEPTED", s.do("POST", app+"/verify", `{"credentialsId":"`+cred.str("id")+`","endpointId":"ep-1"}`).str("decision"))
	got := s.do("GET", path, "")
	require.Equal(t, "ep-1", got.str("endpointId"))
	require.EqualValues(t, 3, got.json["profileVersion"])

	refused(t, s.do("PUT", path, `{"profile":1}`, with("If-Match", bound.header.Get("ETag"))), 412, "conflict", "", "changed meanwhile")
	again := s.do("PUT", path, `{"profileVersion":4,"profile":null}`, with("If-Match", "*"))
	require.Equal(t, 200, again.status, again.text)
	require.Nil(t, again.json["profile"])
	require.Contains(t, again.json, "profile", "null is a value that a profile may have")
	require.Equal(t, "ep-1", again.str("endpointId"), "a new profile keeps the endpoint")

	refused(t, s.do("DELETE", path, "", with("If-Match", bound.header.Get("ETag"))), 412, "conflict", "", "changed meanwhile")
	require.Equal(t, 204, s.do("DELETE", path, "", with("If-Match", again.header.Get("ETag"))).status)
	refused(t, s.do("DELETE", path, ""), 404, "not_found", "", "nothing is registered")
}

func TestRegistrationsThatCannotBeAreRefused(t *testing.T) {
	s := start(t)
	list := s.app("Internal") + "/credentials"
	path := s.do("POST", list, `{"body":"YWJj"}`).header.Get("Location")
	revoked := s.do("POST", list, `{"body":"WFla"}`).header.Get("Location")
	require.Equal(t, 200, s.do("POST", revoked+"/revoke", "").status)
	for name, c := range map[string]struct {
		path, body         string
		status             int
		code, field, words string
	}{
		"no profile":       {path, `{"profileVersion":1}`, 400, "invalid", "/profile", "profile is missing"},
		"negative":         {path, `{"profileVersion":-1,"profile":{}}`, 400, "invalid", "/profileVersion", "not be negative"},
		"not an integer":   {path, `{"profileVersion":1.5,"profile":{}}`, 400, "invalid", "/profileVersion", "integer of 32 bits"},
		"beyond 32 bits":   {path, `{"profileVersion":2147483648,"profile":{}}`, 400, "invalid", "/profileVersion", "integer of 32 bits"},
		"a string":         {path, `{"profileVersion":"1","profile":{}}`, 400, "invalid", "/profileVersion", "integer of 32 bits"},
		"twice in profile": {path, `{"profile":{"a":1,"a":2}}`, 400, "invalid", "/profile/a", "given twice"},
		"too large":        {path, `{"profile":"` + strings.Repeat("x", 64<<10) + `"}`, 413, "invalid", "/profile", "at most 65536"},
		"unknown":          {list + "/none", `{"profile":{}}`, 404, "not_found", "", "no such credentials"},
		"revoked":          {revoked, `{"profile":{}}`, 409, "conflict", "", "revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, s.do("PUT", c.path+"/registration", c.body), c.status, c.code, c.field, c.words)
		})
	}
}
