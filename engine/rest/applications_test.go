package rest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func TestAnApplicationLivesFromCreateToDelete(t *testing.T) {
	s := start(t)
	made := s.do("POST", "/v1/applications", `{"name":"Fleet","credentialsService":"Internal","idScheme":"kaa-sha1"}`)
	require.Equal(t, 201, made.status, made.text)
	require.Equal(t, "/v1/applications/"+made.str("id"), made.header.Get("Location"))
	require.Len(t, made.str("token"), 20)
	require.Equal(t, "default", made.str("tenant"))
	require.Equal(t, "Internal", made.str("credentialsService"))
	require.Equal(t, "kaa-sha1", made.str("idScheme"))
	path := made.header.Get("Location")

	got := s.do("GET", path, "")
	require.Equal(t, 200, got.status)
	require.Equal(t, made.text, got.text)
	require.Equal(t, made.header.Get("ETag"), got.header.Get("ETag"))

	renamed := s.do("PATCH", path, `{"name":"Fleet 2"}`, with("Content-Type", "application/merge-patch+json"), with("If-Match", got.header.Get("ETag")))
	require.Equal(t, 200, renamed.status, renamed.text)
	require.Equal(t, "Fleet 2", renamed.str("name"))
	require.Equal(t, "Internal", renamed.str("credentialsService"), "a patch keeps what it does not name")
	require.NotEqual(t, got.header.Get("ETag"), renamed.header.Get("ETag"))

	back := s.do("PATCH", path, `{"credentialsService":null}`)
	require.Equal(t, "Trustful", back.str("credentialsService"), "null is the default service")

	refused(t, s.do("DELETE", path, "", with("If-Match", got.header.Get("ETag"))), 412, "conflict", "", "changed meanwhile")
	gone := s.do("DELETE", path, "", with("If-Match", "*"))
	require.Equal(t, 204, gone.status)
	require.Empty(t, gone.text)
	refused(t, s.do("GET", path, ""), 404, "not_found", "", "there is no application")
	refused(t, s.do("DELETE", path, ""), 404, "not_found", "", "there is no application")
}

func TestACustomServicesConfigurationBelongsToTheApplication(t *testing.T) {
	s := start(t)
	s.deploy("mine", "ok", `{}`)
	made := s.do("POST", "/v1/applications", `{"name":"a","credentialsService":"mine","serviceConfig":{"quota": 3}}`)
	require.Equal(t, 201, made.status, made.text)
	require.Equal(t, map[string]any{"quota": 3.0}, made.json["serviceConfig"])
	cleared := s.do("PATCH", made.header.Get("Location"), `{"serviceConfig":null}`)
	require.Equal(t, 200, cleared.status, cleared.text)
	require.NotContains(t, cleared.json, "serviceConfig")
}

func TestApplicationsThatCannotBeAreRefused(t *testing.T) {
	s := start(t)
	path := s.app("Internal")
	require.Equal(t, 201, s.do("POST", "/v1/applications", `{"name":"taken"}`).status)
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		code, field, words string
	}{
		"no body":             {"POST", "/v1/applications", ``, 400, "invalid", "", "name, credentialsService"},
		"no name":             {"POST", "/v1/applications", `{}`, 400, "invalid", "/name", "needs a name"},
		"name taken":          {"POST", "/v1/applications", `{"name":"taken"}`, 409, "conflict", "/name", "exists already"},
		"unknown service":     {"POST", "/v1/applications", `{"name":"x","credentialsService":"Nope"}`, 400, "invalid", "/credentialsService", "Internal, Trustful"},
		"unknown scheme":      {"POST", "/v1/applications", `{"name":"x","idScheme":"md5"}`, 400, "invalid", "/idScheme", "sha256"},
		"unknown member":      {"POST", "/v1/applications", `{"name":"x","tenant":"y"}`, 400, "invalid", "/tenant", "no such member"},
		"config no object":    {"POST", "/v1/applications", `{"name":"x","serviceConfig":[1]}`, 400, "invalid", "/serviceConfig", "JSON object"},
		"config for builtin":  {"POST", "/v1/applications", `{"name":"x","serviceConfig":{}}`, 400, "invalid", "/serviceConfig", "takes no configuration"},
		"name null":           {"PATCH", path, `{"name":null}`, 400, "invalid", "/name", "cannot be null"},
		"id scheme patched":   {"PATCH", path, `{"idScheme":"sha256"}`, 400, "invalid", "/idScheme", "no such member"},
		"patch to taken name": {"PATCH", path, `{"name":"taken"}`, 409, "conflict", "/name", "exists already"},
		"patch of no one":     {"PATCH", "/v1/applications/none", `{"name":"x"}`, 404, "not_found", "", "there is no application"},
		"patch config":        {"PATCH", path, `{"serviceConfig":"x"}`, 400, "invalid", "/serviceConfig", "JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, s.do(c.method, c.path, c.body), c.status, c.code, c.field, c.words)
		})
	}
}

func TestIfMatchMustBeAVersionInQuotes(t *testing.T) {
	s := start(t)
	path := s.app("Internal")
	for _, tag := range []string{`1`, `"x"`, `W/"3"`, `"0"`, `"-1"`, `"+3"`, `""`, `"1", "2"`, `"`, `"99999999999999999999"`} {
		refused(t, s.do("PATCH", path, `{}`, with("If-Match", tag)), 400, "invalid", "If-Match", "in quotes")
	}
	refused(t, s.do("PATCH", path, `{"name":"x"}`, with("If-Match", `"99"`)), 412, "conflict", "", "If-Match named 99")
	refused(t, s.do("POST", path+"/verify", `{}`, with("If-Match", `"1"`)), 400, "invalid", "If-Match", "does not take")
}

func TestAListGoesOnWhereThePageEnds(t *testing.T) {
	s := start(t)
	for range 5 {
		s.app("Internal")
	}
	s.app("Trustful")
	seen := map[string]bool{}
	next := "/v1/applications?pageSize=2&credentialsService=Internal"
	for range 3 {
		a := s.do("GET", next, "")
		require.Equal(t, 200, a.status, a.text)
		for _, item := range a.json["items"].([]any) {
			seen[item.(map[string]any)["id"].(string)] = true
		}
		link := a.header.Get("Link")
		if a.str("nextPageToken") == "" {
			require.Empty(t, link)
			next = ""
			break
		}
		require.Contains(t, link, `>; rel="next"`)
		next = strings.TrimSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
		require.Contains(t, next, "credentialsService=Internal")
	}
	require.Empty(t, next, "three pages of two hold all five")
	require.Len(t, seen, 5)
	require.Empty(t, s.do("GET", "/v1/applications?name=none", "").json["items"])
	require.Contains(t, s.do("GET", "/v1/applications?name=none", "").text, `"items":[]`)
}

func TestAListRefusesWhatItDoesNotKnow(t *testing.T) {
	s := start(t)
	s.app("Internal")
	s.app("Internal")
	token := s.do("GET", "/v1/applications?pageSize=1", "").str("nextPageToken")
	for query, c := range map[string]struct {
		field, words string
	}{
		"?colour=red":                     {"colour", "use name, credentialsService, filter, pageSize, pageToken"},
		"?pageSize=0":                     {"pageSize", "from 1 to 1000"},
		"?pageSize=x":                     {"pageSize", "from 1 to 1000"},
		"?pageSize=1001":                  {"pageSize", "between 1 and 1000"},
		"?pageSize=1&pageSize":            {"pageSize", "given twice"},
		"?pageToken=zzz":                  {"pageToken", "not one of this listing"},
		"?filter=name":                    {"filter", "name=value"},
		"?filter=colour=red":              {"filter", "unknown here"},
		"?name=%ff":                       {"", "UTF-8"},
		"?name=%zz":                       {"", "percent-encode"},
		"?pageToken=" + token + "&name=x": {"pageToken", "same filters"},
	} {
		refused(t, s.do("GET", "/v1/applications"+query, ""), 400, "invalid", c.field, c.words)
	}
	refused(t, s.do("GET", "/v1/credentials-services?pageSize=1", ""), 400, "invalid", "pageSize", "takes no query parameters")
}

func TestAPageTokenThatIsTooOldIsGone(t *testing.T) {
	s := start(t)
	s.app("Internal")
	s.app("Internal")
	token := s.do("GET", "/v1/applications?pageSize=1", "").str("nextPageToken")
	require.NotEmpty(t, token)
	now, err := s.store.Read(t.Context(), engine.Strict, "none")
	require.NoError(t, err)
	s.app("Internal")
	require.NoError(t, s.store.Compact(t.Context(), now.Revision+1))
	refused(t, s.do("GET", "/v1/applications?pageToken="+token, ""), 410, "compacted", "", "start it again")
}
