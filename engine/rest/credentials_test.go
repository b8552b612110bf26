package rest

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCredentialsLiveFromProvisionToRevoke(t *testing.T) {
	s := start(t)
	list := s.app("Internal") + "/credentials"
	made := s.do("POST", list, `{"body":"YWJj","labels":{"site":"berlin"}}`)
	require.Equal(t, 201, made.status, made.text)
	path := made.header.Get("Location")
	require.Equal(t, list+"/"+made.str("id"), path)
	require.Equal(t, "AVAILABLE", made.str("status"))
	require.Equal(t, "YWJj", made.str("body"))
	require.Equal(t, "Internal", made.str("credentialsService"))

	again := s.do("POST", list, `{"body":"YWJj"}`)
	require.Equal(t, 200, again.status)
	require.Equal(t, made.str("id"), again.str("id"))
	got := s.do("GET", path, "")
	require.Equal(t, 200, got.status)
	require.Equal(t, made.header.Get("ETag"), got.header.Get("ETag"))
	require.Equal(t, "strict", got.header.Get("X-Consistency"))

	patched := s.do("PATCH", path, `{"labels":{"site":null,"rack":"7"},"validity":{"notAfter":"2035-01-31T12:00:00+01:00"}}`, with("If-Match", got.header.Get("ETag")))
	require.Equal(t, 200, patched.status, patched.text)
	require.Equal(t, map[string]any{"rack": "7"}, patched.json["labels"])
	require.Equal(t, map[string]any{"notAfter": "2035-01-31T11:00:00Z"}, patched.json["validity"])
	lifted := s.do("PATCH", path, `{"validity":null}`)
	require.NotContains(t, lifted.json, "validity")

	asked := s.do("POST", path+"/recheck", "")
	require.Equal(t, 200, asked.status, asked.text)
	require.Equal(t, "AVAILABLE", asked.str("status"))
	require.NotContains(t, asked.json, "enforcement")

	revoked := s.do("POST", path+"/revoke?wait=enforced", `{}`)
	require.Equal(t, 200, revoked.status, revoked.text)
	require.Equal(t, "REVOKED", revoked.str("status"))
	receipt := revoked.json["enforcement"].(map[string]any)
	require.Equal(t, "ENFORCED", receipt["state"])
	require.Equal(t, revoked.json["resourceVersion"], receipt["revision"])
	require.Equal(t, []any{}, receipt["nodes"])
	require.Equal(t, 200, s.do("POST", path+"/revoke", "").status, "revoking again changes nothing")
	refused(t, s.do("POST", list, `{"body":"YWJj"}`), 409, "conflict", "", "revoked")
	refused(t, s.do("POST", path+"/revoke?wait=soon", ""), 400, "invalid", "wait", "wait=enforced")
	refused(t, s.do("POST", path+"/revoke", `{"why":"x"}`), 400, "invalid", "/why", "no members")
}

func TestCredentialsAreListedByStatusAndLabel(t *testing.T) {
	s := start(t)
	list := s.app("Internal") + "/credentials"
	for i := range 6 {
		body := base64.StdEncoding.EncodeToString(fmt.Append(nil, "key ", i))
		a := s.do("POST", list, fmt.Sprintf(`{"body":%q,"labels":{"site":"%d"}}`, body, i%2))
		require.Equal(t, 201, a.status, a.text)
		if i == 0 {
			require.Equal(t, 200, s.do("POST", a.header.Get("Location")+"/revoke", "").status)
		}
	}
	for query, n := range map[string]int{
		"":                               6,
		"?status=REVOKED":                1,
		"?filter=status=REVOKED":         1,
		"?filter=status:AVAILABLE":       5,
		"?label=site":                    6,
		"?label=site=1":                  3,
		"?filter=label=site=0":           3,
		"?label=site=0&status=AVAILABLE": 2,
		"?filter=label:site=0&filter=status=REVOKED": 1,
	} {
		a := s.do("GET", list+query, "")
		require.Equal(t, 200, a.status, a.text)
		require.Len(t, a.json["items"], n, query)
	}
	refused(t, s.do("GET", list+"?status=LOST", ""), 400, "invalid", "filter", "AVAILABLE, IN_USE or REVOKED")
	refused(t, s.do("GET", "/v1/applications/none/credentials", ""), 404, "not_found", "", "there is no application")
}

func TestCredentialsThatCannotBeAreRefused(t *testing.T) {
	s := start(t)
	app := s.app("Internal")
	list := app + "/credentials"
	path := s.do("POST", list, `{"body":"YWJj","id":"known"}`).header.Get("Location")
	large := base64.StdEncoding.EncodeToString(make([]byte, 64<<10+1))
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		code, field, words string
	}{
		"empty":                              {"POST", list, `{}`, 400, "invalid", "/body", "is empty"},
		"not base64":                         {"POST", list, `{"body":"a*b="}`, 400, "invalid", "/body", "base64 with padding"},
		"no padding":                         {"POST", list, `{"body":"YWI"}`, 400, "invalid", "/body", "base64 with padding"},
		"base64url":                          {"POST", list, `{"body":"__8="}`, 400, "invalid", "/body", "base64 with padding"},
		"body a number":                      {"POST", list, `{"body":1}`, 400, "invalid", "/body", "base64 with padding"},
		"body too large":                     {"POST", list, `{"body":"` + large + `"}`, 413, "invalid", "/body", "65537 bytes"},
		"id too long":                        {"POST", list, `{"body":"YWJj","id":"` + strings.Repeat("x", 257) + `"}`, 400, "invalid", "/id", "at most 256"},
		"id with NUL":                        {"POST", list, `{"body":"YWJj","id":"a\u0000b"}`, 400, "invalid", "/id", "without NUL"},
		"other body":                         {"POST", list, `{"body":"WFla","id":"known"}`, 409, "conflict", "", "other credentials"},
		"label a number":                     {"POST", list, `{"body":"YWJj","labels":{"a":1}}`, 400, "invalid", "/labels/a", "a string"},
		"label with =":                       {"POST", list, `{"body":"YWJj","labels":{"a=":"b"}}`, 400, "invalid", "/labels", "without '='"},
		"labels a list":                      {"POST", list, `{"body":"YWJj","labels":[]}`, 400, "invalid", "/labels", "a JSON object"},
		"no application":                     {"POST", "/v1/applications/none/credentials", `{"body":"YWJj"}`, 404, "not_found", "", "no application"},
		"patch of no one":                    {"PATCH", list + "/none", `{"labels":{}}`, 404, "not_found", "", "no such credentials"},
		"labels null":                        {"PATCH", path, `{"labels":null}`, 400, "invalid", "/labels", "cannot be null"},
		"no time":                            {"PATCH", path, `{"validity":{"notAfter":"tomorrow"}}`, 400, "invalid", "/validity/notAfter", "RFC 3339"},
		"ends too early":                     {"PATCH", path, `{"validity":{"notBefore":"2030-01-01T00:00:00Z","notAfter":"2029-01-01T00:00:00Z"}}`, 400, "invalid", "/validity/notAfter", "ends before"},
		"status patched":                     {"PATCH", path, `{"status":"AVAILABLE"}`, 400, "invalid", "/status", "labels, validity"},
		"nested unknown":                     {"PATCH", path, `{"validity":{"until":1}}`, 400, "invalid", "/validity/until", "no such member"},
		"get of no one":                      {"GET", list + "/none", ``, 404, "not_found", "", "no such credentials"},
		"revoke of no one":                   {"POST", list + "/none/revoke", ``, 404, "not_found", "", "no such credentials"},
		"recheck of no one":                  {"POST", list + "/none/recheck", ``, 404, "not_found", "", "no such credentials"},
		"revoke, no app":                     {"POST", "/v1/applications/none/credentials/x/revoke", ``, 404, "not_found", "", "no application"},
		"enforcement of what is not revoked": {"GET", list + "/known/enforcement", ``, 404, "not_found", "", "not revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, s.do(c.method, c.path, c.body), c.status, c.code, c.field, c.words)
		})
	}
	require.Equal(t, "AVAILABLE", s.do("GET", path, "").str("status"), "nothing was lost on the way")
}

func TestARepeatedRequestIsAnsweredAsTheFirst(t *testing.T) {
	s := start(t)
	list := s.app("Internal") + "/credentials"
	key := with("Idempotency-Key", "k-1")
	first := s.do("POST", list, `{"body":"YWJj"}`, key)
	require.Equal(t, 201, first.status)
	second := s.do("POST", list, `{"body":"YWJj"}`, key)
	require.Equal(t, 201, second.status, "the first answer, not the 200 of the same again")
	require.Equal(t, first.text, second.text)
	refused(t, s.do("POST", list, `{"body":"WFla"}`, key), 422, "conflict", "", "another request")
	refused(t, s.do("POST", list+"/"+first.str("id")+"/revoke", ``, key), 422, "conflict", "", "another request")

	one := s.do("POST", "/v1/applications", `{"name":"once"}`, with("Idempotency-Key", "k-2"))
	two := s.do("POST", "/v1/applications", `{"name":"once"}`, with("Idempotency-Key", "k-2"))
	require.Equal(t, 201, two.status, two.text)
	require.Equal(t, one.str("id"), two.str("id"))

	for _, bad := range []string{" ", "a b", "ü", strings.Repeat("x", 256)} {
		refused(t, s.do("POST", list, `{"body":"YWJj"}`, with("Idempotency-Key", bad)), 400, "invalid", "Idempotency-Key", "visible ASCII")
	}
	require.Equal(t, 200, s.do("POST", list, `{"body":"YWJj"}`, with("Idempotency-Key", strings.Repeat("x", 255))).status)
}
