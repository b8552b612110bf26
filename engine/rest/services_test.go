package rest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var asWasm = with("Content-Type", "application/wasm")

// upload stores a module that behaves as its text says, and returns its digest.
func (s *site) upload(behaviour string) string {
	s.t.Helper()
	a := s.do("POST", "/v1/modules", "\x00asm "+behaviour, asWasm)
	require.Contains(s.t, []int{200, 201}, a.status, a.text)
	return a.str("digest")
}

func (s *site) deploy(name, behaviour, config string) answer {
	s.t.Helper()
	a := s.do("PUT", "/v1/credentials-services/"+name, fmt.Sprintf(`{"module":%q,"config":%s}`, s.upload(behaviour), config))
	require.Contains(s.t, []int{200, 201}, a.status, a.text)
	return a
}

func TestAServiceIsDeployedRolledBackAndDeleted(t *testing.T) {
	s := start(t)
	const path = "/v1/credentials-services/mine"
	dry := s.do("PUT", path+"?validateOnly=true", fmt.Sprintf(`{"module":%q}`, s.upload("one")))
	require.Equal(t, 200, dry.status, dry.text)
	refused(t, s.do("GET", path, ""), 404, "not_found", "", "no credentials service")
	refused(t, s.do("PUT", path, fmt.Sprintf(`{"module":%q}`, s.upload("one")), with("If-Match", "*")), 412, "conflict", "", "nothing yet")

	first := s.deploy("mine", "one", `{"a":1}`)
	require.Equal(t, 201, first.status)
	require.Equal(t, path, first.header.Get("Location"))
	require.Equal(t, "module", first.str("kind"))
	require.EqualValues(t, 1, first.json["revision"])
	require.Equal(t, map[string]any{"a": 1.0}, first.json["config"])
	require.Equal(t, "admin", first.str("deployedBy"))

	second := s.deploy("mine", "two", `{"a":2}`)
	require.Equal(t, 200, second.status)
	require.EqualValues(t, 2, second.json["revision"])
	refused(t, s.do("PUT", path, fmt.Sprintf(`{"module":%q}`, s.upload("two")), with("If-Match", first.header.Get("ETag"))), 412, "conflict", "", "changed meanwhile")
	got := s.do("GET", path, "")
	require.Equal(t, second.str("module"), got.str("module"))
	require.Equal(t, second.header.Get("ETag"), got.header.Get("ETag"))

	revisions := s.do("GET", path+"/revisions", "").json["items"].([]any)
	require.Len(t, revisions, 2)
	back := s.do("POST", path+"/rollback", "")
	require.Equal(t, 200, back.status, back.text)
	require.Equal(t, first.str("module"), back.str("module"))
	require.EqualValues(t, 3, back.json["revision"])
	forth := s.do("POST", path+"/rollback", `{"revision":2}`)
	require.Equal(t, second.str("module"), forth.str("module"))

	names := []string{}
	for _, item := range s.do("GET", "/v1/credentials-services", "").json["items"].([]any) {
		names = append(names, item.(map[string]any)["name"].(string)+" "+item.(map[string]any)["kind"].(string))
	}
	require.Equal(t, []string{"Internal builtin", "Trustful builtin", "mine module"}, names)

	app := s.app("mine")
	refused(t, s.do("DELETE", path, ""), 409, "conflict", "", "uses mine")
	refused(t, s.do("DELETE", path, "", with("If-Match", first.header.Get("ETag"))), 412, "conflict", "", "changed meanwhile")
	refused(t, s.do("DELETE", "/v1/modules/"+first.str("module"), "", with("If-Match", `"1"`)), 412, "conflict", "", "changed meanwhile")
	refused(t, s.do("DELETE", "/v1/modules/"+first.str("module"), ""), 409, "conflict", "", "is used")
	require.Equal(t, 204, s.do("DELETE", app, "").status)
	require.Equal(t, 204, s.do("DELETE", path, "").status)
	refused(t, s.do("GET", path+"/revisions", ""), 404, "not_found", "", "no credentials service")
	require.Equal(t, 204, s.do("DELETE", "/v1/modules/"+first.str("module"), "").status)
}

func TestServicesThatCannotBeAreRefused(t *testing.T) {
	s := start(t)
	digest := s.upload("ok")
	s.deploy("once", "ok", `{}`)
	missing := "sha256:" + strings.Repeat("0", 64)
	const list = "/v1/credentials-services"
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		code, field, words string
	}{
		"bad name":          {"PUT", list + "/1x", `{"module":"` + digest + `"}`, 400, "invalid", "/name", "begin with a letter"},
		"builtin":           {"PUT", list + "/Internal", `{"module":"` + digest + `"}`, 409, "conflict", "/name", "built-in"},
		"no digest":         {"PUT", list + "/x", `{"module":"latest"}`, 400, "invalid", "/module", "sha256:"},
		"no such module":    {"PUT", list + "/x", `{"module":"` + missing + `"}`, 400, "invalid", "/module", "upload it"},
		"config no object":  {"PUT", list + "/x", `{"module":"` + digest + `","config":1}`, 400, "invalid", "/config", "JSON object"},
		"config refused":    {"PUT", list + "/x", `{"module":"` + digest + `","config":{"impossible":1}}`, 400, "invalid", "/config", "refuses"},
		"unknown member":    {"PUT", list + "/x", `{"wasm":""}`, 400, "invalid", "/wasm", "module, config, grants"},
		"flag":              {"PUT", list + "/x?validateOnly=maybe", `{"module":"` + digest + `"}`, 400, "invalid", "validateOnly", "true or false"},
		"get none":          {"GET", list + "/x", ``, 404, "not_found", "", "no credentials service"},
		"delete builtin":    {"DELETE", list + "/Trustful", ``, 409, "conflict", "", "built-in"},
		"delete none":       {"DELETE", list + "/x", ``, 404, "not_found", "", "no credentials service"},
		"rollback none":     {"POST", list + "/x/rollback", ``, 404, "not_found", "", "no credentials service"},
		"rollback builtin":  {"POST", list + "/Internal/rollback", ``, 409, "conflict", "", "built-in"},
		"rollback first":    {"POST", list + "/once/rollback", ``, 409, "conflict", "", "no revision"},
		"rollback to zero":  {"POST", list + "/once/rollback", `{"revision":0}`, 400, "invalid", "/revision", "from 1"},
		"rollback to none":  {"POST", list + "/once/rollback", `{"revision":9}`, 404, "not_found", "", "not kept"},
		"rollback to words": {"POST", list + "/once/rollback", `{"revision":"1"}`, 400, "invalid", "/revision", "integer"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, s.do(c.method, c.path, c.body), c.status, c.code, c.field, c.words)
		})
	}
}

func TestAModuleIsUploadedOnce(t *testing.T) {
	s := start(t)
	first := s.do("POST", "/v1/modules", "\x00asm x", asWasm)
	require.Equal(t, 201, first.status, first.text)
	path := first.header.Get("Location")
	require.Equal(t, "/v1/modules/"+first.str("digest"), path)
	require.EqualValues(t, 6, first.json["size"])
	require.EqualValues(t, 1, first.json["abi"])
	require.Equal(t, []any{"lookup"}, first.json["methods"])
	require.Equal(t, []any{"kv"}, first.json["capabilities"])
	require.Equal(t, map[string]any{"name": "fake"}, first.json["manifest"])
	again := s.do("POST", "/v1/modules", "\x00asm x", asWasm)
	require.Equal(t, 200, again.status)
	require.Equal(t, first.text, again.text)
	require.Equal(t, first.text, s.do("GET", path, "").text)
	require.Len(t, s.do("GET", "/v1/modules?name=fake", "").json["items"], 1)
	require.Empty(t, s.do("GET", "/v1/modules?name=other", "").json["items"])
	require.Equal(t, 204, s.do("DELETE", path, "").status)
	refused(t, s.do("GET", path, ""), 404, "not_found", "", "no module")
	refused(t, s.do("DELETE", path, ""), 404, "not_found", "", "no module")
}

func TestModulesThatCannotBeAreRefused(t *testing.T) {
	s := start(t)
	refused(t, s.do("POST", "/v1/modules", "MZ", asWasm), 400, "invalid", "", "offset 0")
	refused(t, s.do("POST", "/v1/modules", "", asWasm), 400, "invalid", "", "body is empty")
	refused(t, s.do("POST", "/v1/modules", "\x00asm"), 415, "invalid", "", "application/wasm")
	refused(t, s.do("POST", "/v1/modules", "\x00asm", with("Content-Type", "")), 415, "invalid", "", "application/wasm")
	refused(t, s.do("GET", "/v1/modules/latest", ""), 400, "invalid", "digest", "no module digest")
	refused(t, s.do("DELETE", "/v1/modules/sha256:00", ""), 400, "invalid", "digest", "no module digest")
}

func TestAServiceThatKeepsFailingShowsItsHealth(t *testing.T) {
	s := start(t)
	s.deploy("mine", "violate", `{}`)
	app := s.app("mine")
	health := func() map[string]any {
		return s.do("GET", "/v1/credentials-services/mine", "").json["health"].(map[string]any)
	}
	require.Equal(t, "CLOSED", health()["state"])
	for range 5 {
		refused(t, s.do("POST", app+"/verify", `{"credentialsId":"x"}`), 503, "module_fault", "", "broke the contract")
	}
	require.Equal(t, "OPEN", health()["state"])
	require.EqualValues(t, 5, health()["faults"])
	_, err := time.Parse(time.RFC3339, health()["since"].(string))
	require.NoError(t, err)

	a := s.do("POST", app+"/verify", `{"credentialsId":"x"}`)
	refused(t, a, 503, "module_fault", "", "is left alone on this node: it is tried again at")
	require.Equal(t, "the-incident", a.str("incident"))
	wait, err := strconv.Atoi(a.header.Get("Retry-After"))
	require.NoError(t, err)
	require.InDelta(t, 20, wait, 10)

	scraped := s.do("GET", "/metrics", "", anonymous).text
	require.Contains(t, scraped, `credence_module_faults_total{kind="violation",service="mine"} 5`)
	require.Contains(t, scraped, `credence_module_breaker_opens_total{service="mine"} 1`)
	require.Contains(t, scraped, `credence_module_breaker_open{service="mine"} 1`)
	require.NotContains(t, s.do("GET", "/v1/credentials-services/Internal", "").json, "health")
}
