package rest

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

const plaintext = "hunter2-the-plaintext"

func TestASecretIsSetListedAndDeleted(t *testing.T) {
	s := start(t)
	const path = "/v1/secrets/erp-token"
	body := `{"value":"` + base64.StdEncoding.EncodeToString([]byte(plaintext)) + `"}`
	first := s.do("PUT", path, body)
	require.Equal(t, 201, first.status, first.text)
	require.Equal(t, path, first.header.Get("Location"))
	require.Equal(t, "erp-token", first.str("name"))
	require.Equal(t, "admin", first.str("updatedBy"))
	again := s.do("PUT", path, body)
	require.Equal(t, 200, again.status, again.text)
	require.NotEqual(t, first.header.Get("ETag"), again.header.Get("ETag"))
	refused(t, s.do("PUT", path, body, with("If-Match", first.header.Get("ETag"))), 412, "conflict", "", "changed meanwhile")
	refused(t, s.do("PUT", "/v1/secrets/other", body, with("If-Match", "*")), 412, "conflict", "", "nothing yet")
	third := s.do("PUT", path, body, with("If-Match", again.header.Get("ETag")))
	require.Equal(t, 200, third.status, third.text)
	require.Equal(t, third.text, s.do("GET", path, "").text)

	list := s.do("GET", "/v1/secrets?name=erp-token", "")
	require.Len(t, list.json["items"], 1)
	for _, a := range []answer{first, again, third, list} {
		item := a.json
		if items, ok := a.json["items"].([]any); ok {
			item = items[0].(map[string]any)
		}
		for _, name := range []string{"value", "sealed", "keyId"} {
			require.NotContains(t, item, name)
		}
	}
	refused(t, s.do("DELETE", path, "", with("If-Match", first.header.Get("ETag"))), 412, "conflict", "", "changed meanwhile")
	require.Equal(t, 204, s.do("DELETE", path, "", with("If-Match", third.header.Get("ETag"))).status)
	refused(t, s.do("GET", path, ""), 404, "not_found", "", "no secret")
	refused(t, s.do("DELETE", path, ""), 404, "not_found", "", "no secret")
	require.Empty(t, s.do("GET", "/v1/secrets", "").json["items"])
}

func TestSecretsThatCannotBeAreRefused(t *testing.T) {
	s := start(t)
	large := base64.StdEncoding.EncodeToString(make([]byte, engine.MaxSecretBytes+1))
	for name, c := range map[string]struct {
		path, body         string
		status             int
		code, field, words string
	}{
		"bad name":   {"/v1/secrets/-x", `{"value":"YQ=="}`, 400, "invalid", "/name", "letter or a digit"},
		"slash":      {"/v1/secrets/a%2Fb", `{"value":"YQ=="}`, 400, "invalid", "/name", "letter or a digit"},
		"no value":   {"/v1/secrets/x", `{}`, 400, "invalid", "/value", "empty"},
		"no base64":  {"/v1/secrets/x", `{"value":"` + plaintext + `"}`, 400, "invalid", "/value", "base64"},
		"no string":  {"/v1/secrets/x", `{"value":{"a":"` + plaintext + `"}}`, 400, "invalid", "/value", "base64"},
		"cut off":    {"/v1/secrets/x", `{"value":"` + plaintext, 400, "invalid", "/value", "not valid JSON"},
		"unknown":    {"/v1/secrets/x", `{"secret":"` + plaintext + `"}`, 400, "invalid", "/secret", "use value"},
		"too large":  {"/v1/secrets/x", `{"value":"` + large + `"}`, 413, "invalid", "/value", "at most 16384"},
		"many bytes": {"/v1/secrets/x", `{"value":"` + strings.Repeat("A", 300<<10) + `"}`, 413, "invalid", "", "larger than this route takes"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do("PUT", c.path, c.body)
			refused(t, a, c.status, c.code, c.field, c.words)
			require.NotContains(t, a.text, plaintext)
		})
	}
	require.NotContains(t, s.log.String(), plaintext)
}

// The log is at its most talkative, the store is read as a whole.
func TestAValueOfASecretLeavesNoTrace(t *testing.T) {
	s := start(t)
	encoded := base64.StdEncoding.EncodeToString([]byte(plaintext))
	body := `{"value":"` + encoded + `"}`
	traces := []string{plaintext, encoded}
	answers := []answer{
		s.do("PUT", "/v1/secrets/x", body, with("Idempotency-Key", "k")), s.do("PUT", "/v1/secrets/x", body, with("Idempotency-Key", "k")),
		s.do("PUT", "/v1/secrets/x", body, with("If-Match", `"1"`)), s.do("POST", "/v1/secrets/x", body), s.do("PUT", "/v1/secrets/x", body, anonymous),
		s.do("PUT", "/v1/secrets/x", body, with("Content-Type", "text/plain")), s.do("PUT", "/v1/secrets/-", body),
		s.do("GET", "/v1/secrets/x", ""), s.do("GET", "/v1/secrets", ""), s.do("GET", "/metrics", ""), s.do("DELETE", "/v1/secrets/x", ""),
	}
	require.Equal(t, 201, answers[0].status)
	for _, a := range answers {
		for _, trace := range traces {
			require.NotContains(t, a.text, trace)
			require.NotContains(t, a.header, trace)
		}
	}
	page, err := s.store.List(t.Context(), engine.ListRequest{Prefixes: []string{""}, Limit: engine.MaxListLimit})
	require.NoError(t, err)
	require.False(t, page.More)
	for _, r := range page.Records {
		for _, trace := range traces {
			require.NotContains(t, r.Key+string(r.Value), trace)
		}
	}
	for _, trace := range traces {
		require.NotContains(t, s.log.String(), trace)
	}
}

func TestOnlyThePlatformSeesSecrets(t *testing.T) {
	s := start(t)
	user, err := s.engine.User(t.Context(), "admin")
	require.NoError(t, err)
	s.putUser(user, engine.RoleTenantAdmin)
	for method, path := range map[string]string{"GET": "/v1/secrets", "PUT": "/v1/secrets/x", "DELETE": "/v1/secrets/x"} {
		refused(t, s.do(method, path, ""), 403, "denied", "", "KAA_ADMIN")
	}
}

func TestAProblemTellsWhatIsMissing(t *testing.T) {
	s := start(t)
	a := s.do("PUT", "/v1/credentials-services/x", `{"module":"`+s.upload("wants")+`"}`)
	refused(t, a, 409, "conflict", "/grants", "more than")
	missing, err := json.Marshal(a.json["missing"])
	require.NoError(t, err)
	require.JSONEq(t, `{"secrets":["erp-token"]}`, string(missing))
}
