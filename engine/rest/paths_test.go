package rest

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

func TestAnIDInThePathIsOneSegment(t *testing.T) {
	s := start(t)
	app := s.app("Internal")
	for _, id := range []string{
		"plain", "a/b", "/", "//", "a+b/c=", "2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "%2F", "a%b", "ü/ß 漢字 🙂", "a b", "a?b#c", "a:b;c,d",
		"..", ".", "../..", "a/../b", "/v1/applications", "x/revoke", "revoke", "http://host/path", `back\slash`, `"quoted"`, "\x01", "a\nb",
	} {
		body, err := json.Marshal(map[string]string{"id": id, "body": "YWJj"})
		require.NoError(t, err)
		made := s.do("POST", app+"/credentials", string(body))
		require.Equal(t, 201, made.status, "%q: %s", id, made.text)
		path := made.header.Get("Location")
		for _, path := range []string{path, app + "/credentials/" + everyByte(id)} {
			got := s.raw("GET", path)
			require.Equal(t, 200, got.status, "%q at %s: %s", id, path, got.text)
			require.Equal(t, id, got.str("id"))
		}
		require.Equal(t, 201, s.do("PUT", path+"/registration", `{"profile":{}}`).status, id)
		revoked := s.raw("POST", path+"/revoke")
		require.Equal(t, 200, revoked.status, "%q: %s", id, revoked.text)
		require.Equal(t, id, revoked.str("id"))
	}
}

// everyByte percent-encodes all of s.
func everyByte(s string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// raw sends a request whose target nobody has tidied up.
func (s *site) raw(method, target string) answer {
	s.t.Helper()
	c := s.dial()
	request, err := http.NewRequest(method, s.url, nil)
	require.NoError(s.t, err)
	request.SetBasicAuth("admin", password)
	lines := []string{
		method + " " + target + " HTTP/1.1", "Host: " + s.addr, "Connection: close", "Content-Length: 0",
		"Authorization: " + request.Header.Get("Authorization"),
	}
	_, err = io.WriteString(c, strings.Join(lines, "\r\n")+"\r\n\r\n")
	require.NoError(s.t, err)
	return s.read(c, request)
}

func (s *site) read(c net.Conn, r *http.Request) answer {
	s.t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), r)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(text)}
	if len(text) > 0 {
		require.NoError(s.t, json.Unmarshal(text, &a.json), a.text)
	}
	return a
}

func TestTargetsThatAreNoPlainPathAreRefused(t *testing.T) {
	s := start(t)
	app := s.app("Trustful")
	for target, c := range map[string]struct {
		status             int
		code, field, words string
	}{
		app + "/credentials/a%00b":                       {400, "invalid", "id", "without NUL"},
		app + "/credentials/%ff":                         {400, "invalid", "id", "UTF-8"},
		app + "/credentials/%zz":                         {400, "invalid", "id", "percent-encoded"},
		app + "/credentials/%2":                          {400, "invalid", "id", "percent-encoded"},
		"/v1/applications/%00":                           {400, "invalid", "app", "without NUL"},
		app + "/credentials/" + strings.Repeat("x", 257): {400, "invalid", "/credentialsId", "at most 256"},
		app + "/credentials/a/b":                         {404, "not_found", "", "no such route"},
		app + "/credentials//":                           {404, "not_found", "", "no such route"},
		"/v1//applications":                              {404, "not_found", "", "no such route"},
		"//v1/applications":                              {404, "not_found", "", "no such route"},
		"/v1/applications/":                              {404, "not_found", "", "no such route"},
		"/V1/applications":                               {404, "not_found", "", "no such route"},
		"/v1/x/../applications":                          {404, "not_found", "", "no such route"},
		"/v1/applications/..":                            {404, "not_found", "", "no application"},
		"/v1/applications/%2e%2e%2f%2e%2e":               {404, "not_found", "", "no application"},
		"/v1/%61pplications":                             {404, "not_found", "", "no such route"},
		app + "/credentials/http://host/livez":           {404, "not_found", "", "no such route"},
		"/livez#x":                                       {400, "invalid", "", "no plain path"},
		"*":                                              {404, "not_found", "", "no such route"},
	} {
		a := s.raw("GET", target)
		require.Equal(t, c.status, a.status, "%s: %s", target, a.text)
		refused(t, a, c.status, c.code, c.field, c.words)
	}
	require.Equal(t, 200, s.raw("GET", "http://"+s.addr+"/livez?").status, "the absolute form names the same path")
	require.Equal(t, 200, s.raw("GET", "http://"+s.addr+app).status)
}

func FuzzAnIDSurvivesThePath(f *testing.F) {
	for _, seed := range []string{"plain", "a/b", "..", "%2F", "+", "=", "ü", "http://x/y", "a\x00b", "\xff", "", "//"} {
		f.Add(seed)
	}
	e := engine.New(engine.Options{Store: enginetest.NewMemoryStore(), Builtins: builtin.Services()})
	_, err := e.Bootstrap(f.Context(), password)
	require.NoError(f, err)
	s := New(Options{Engine: e, Log: slog.New(slog.DiscardHandler)})
	f.Cleanup(s.abandon)
	app, err := e.CreateApplication(f.Context(), engine.Caller{Tenant: engine.DefaultTenant}, engine.ApplicationSpec{Name: "fuzz"})
	require.NoError(f, err)
	login, err := http.NewRequest(http.MethodGet, "/", nil)
	require.NoError(f, err)
	login.SetBasicAuth("admin", password)
	f.Fuzz(func(t *testing.T, id string) {
		var request fasthttp.Request
		request.SetRequestURI("/") // parsed from the header below
		request.Header.SetRequestURI(pathOf("v1", "applications", string(app.ID), "credentials", id))
		request.Header.Set("Authorization", login.Header.Get("Authorization"))
		var ctx fasthttp.RequestCtx
		ctx.Init(&request, nil, nil)
		s.serve(&ctx)
		good := utf8.ValidString(id) && !strings.ContainsRune(id, 0) && len(id) <= engine.MaxIDBytes
		switch {
		case id == "":
			require.Equal(t, 404, ctx.Response.StatusCode())
		case !good:
			require.Equal(t, 400, ctx.Response.StatusCode(), "%q", id)
		default:
			require.Equal(t, 200, ctx.Response.StatusCode(), "%q: %s", id, ctx.Response.Body())
			var got struct{ ID string }
			require.NoError(t, json.Unmarshal(ctx.Response.Body(), &got))
			require.Equal(t, id, got.ID)
		}
	})
}

func TestAWrittenPathReadsBack(t *testing.T) {
	for _, id := range []string{".", "..", "a/b", "ü", "%"} {
		segment := strings.TrimPrefix(pathOf(id), "/")
		require.NotContains(t, []string{".", ".."}, segment)
		back, err := url.PathUnescape(segment)
		require.NoError(t, err)
		require.Equal(t, id, back)
	}
}
