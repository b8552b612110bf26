package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

// cborOf writes a record as the engine reads it.
func cborOf(v any) ([]byte, error) {
	mode, err := cbor.EncOptions{Time: cbor.TimeRFC3339NanoUTC}.EncMode()
	if err != nil {
		return nil, err
	}
	return mode.Marshal(v)
}

func TestHealthIsOpenToAll(t *testing.T) {
	s := start(t, func(o *Options) {
		o.Gauges = []Gauge{{Name: "credence_answer", Help: "The answer.", Value: func() float64 { return 42 }}}
	})
	require.JSONEq(t, `{"status":"ok"}`, s.do("GET", "/livez", "", anonymous).text)
	require.JSONEq(t, `{"status":"ready"}`, s.do("GET", "/readyz", "", anonymous).text)
	require.JSONEq(t, `{"version":"1.2.3","commit":"abc"}`, s.do("GET", "/version", "", anonymous).text)
	scraped := s.do("GET", "/metrics", "", anonymous)
	require.Equal(t, "text/plain; version=0.0.4; charset=utf-8", scraped.header.Get("Content-Type"))
	require.Contains(t, scraped.text, `credence_http_requests_total{method="GET",route="/readyz",status="200"} 1`)
	require.Contains(t, scraped.text, `credence_http_request_seconds_count{route="/version"} 1`)
	require.Contains(t, scraped.text, "go_goroutines")
	require.Contains(t, scraped.text, "\ncredence_answer 42\n")
}

func TestANodeThatIsNotReadySaysSo(t *testing.T) {
	failure := errors.New("secret address of the store")
	s := start(t, func(o *Options) { o.Ready = func(context.Context) error { return failure } })
	a := s.do("GET", "/readyz", "", anonymous)
	refused(t, a, 503, "unavailable", "", "not ready yet")
	require.NotContains(t, a.text, "secret")
	require.Equal(t, "1", a.header.Get("Retry-After"))
	failure = engine.Errorf(engine.CodeUnavailable, "the store cannot be reached")
	refused(t, s.do("GET", "/readyz", "", anonymous), 503, "unavailable", "", "the store cannot be reached")
	require.Equal(t, 200, s.do("GET", "/livez", "", anonymous).status)
}

func TestEveryAnswerHasTheHeadersOfAnAPI(t *testing.T) {
	s := start(t)
	for _, a := range []answer{
		s.do("GET", "/livez", ""), s.do("GET", "/none", ""), s.do("GET", "/v1/applications", "", anonymous), s.do("BREW", "/livez", ""),
	} {
		require.Equal(t, "no-store", a.header.Get("Cache-Control"))
		require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
		require.NotEmpty(t, a.header.Get("Date"))
		require.NotEmpty(t, a.header.Get("X-Request-Id"))
		require.NotContains(t, a.header, "Server")
	}
}

func TestMethodsThatARouteDoesNotTakeAreRefused(t *testing.T) {
	s := start(t)
	app := s.app("Trustful")
	for _, method := range []string{"PUT", "TRACE", "OPTIONS", "DELETE"} {
		a := s.do(method, app+"/credentials", "")
		refused(t, a, 405, "unsupported", "", "see the Allow header")
		require.ElementsMatch(t, []string{"GET", "HEAD", "POST"}, strings.Split(a.header.Get("Allow"), ", "), method)
	}
	refused(t, s.do("BREW", app, ""), 501, "unsupported", "", "method is unknown")
	for _, later := range []string{"/v1/tenants", "/v1/users", "/v1/tokens", "/openapi.json", "/docs", "/kaaAdmin/rest/api/x", app + "/challenges"} {
		refused(t, s.do("GET", later, ""), 404, "not_found", "", "no such route")
	}
}

func TestAPageOfAnotherSiteChangesNothing(t *testing.T) {
	s := start(t)
	app := s.app("Trustful")
	for name, c := range map[string]struct {
		header, value string
		denied        bool
	}{
		"other site":       {"Sec-Fetch-Site", "cross-site", true},
		"same site":        {"Sec-Fetch-Site", "same-site", true},
		"our own page":     {"Sec-Fetch-Site", "same-origin", false},
		"typed by hand":    {"Sec-Fetch-Site", "none", false},
		"other origin":     {"Origin", "https://evil.example", true},
		"no origin to say": {"Origin", "null", true},
		"our own origin":   {"Origin", s.url, false},
	} {
		a := s.do("POST", app+"/credentials/x/revoke", "", with(c.header, c.value))
		if c.denied {
			refused(t, a, 403, "denied", "", "another site")
		} else {
			require.Equal(t, 200, a.status, "%s: %s", name, a.text)
		}
		require.Equal(t, 200, s.do("GET", app, "", with(c.header, c.value)).status, "reading is the browser's to guard")
	}
}

func TestHeadIsGetWithoutTheBody(t *testing.T) {
	s := start(t)
	app := s.app("Trustful")
	head, get := s.do("HEAD", app, ""), s.do("GET", app, "")
	require.Equal(t, 200, head.status)
	require.Empty(t, head.text)
	require.Equal(t, get.header.Get("ETag"), head.header.Get("ETag"))
	require.Equal(t, get.header.Get("Content-Length"), head.header.Get("Content-Length"))
}

func TestARequestIDIsKeptOrMade(t *testing.T) {
	s := start(t)
	require.Equal(t, "Abc-1._", s.do("GET", "/none", "", with("X-Request-Id", "Abc-1._")).str("requestId"))
	for _, bad := range []string{"a b", `"><script>`, strings.Repeat("x", 129), "ü"} {
		made := s.do("GET", "/livez", "", with("X-Request-Id", bad)).header.Get("X-Request-Id")
		require.NotEqual(t, bad, made)
		require.Len(t, made, 36)
	}
}

func TestTheAccessLogTellsEachRequestAndNoSecret(t *testing.T) {
	s := start(t)
	app := s.app("Trustful")
	s.do("GET", app+"/credentials?label=query-secret", "", with("X-Request-Id", "seen"), with("X-Secret", "header-secret"))
	s.do("POST", app+"/credentials", `{"body":"Ym9keS1zZWNyZXQ="}`)
	require.Eventually(t, func() bool { return strings.Contains(s.log.String(), `"status":201,"duration"`) }, time.Second, time.Millisecond)
	for _, secret := range []string{"query-secret", "header-secret", "Ym9keS1zZWNyZXQ", "body-secret", password} {
		require.NotContains(t, s.log.String(), secret)
	}
	for line := range strings.Lines(s.log.String()) {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		if entry["requestId"] != "seen" {
			continue
		}
		require.Equal(t, "GET", entry["method"])
		require.Equal(t, "/v1/applications/{app}/credentials", entry["route"])
		require.Equal(t, app+"/credentials", entry["path"])
		require.EqualValues(t, 200, entry["status"])
		require.Equal(t, "admin", entry["user"])
		require.NotZero(t, entry["bytes"])
		require.NotZero(t, entry["duration"])
		require.Contains(t, entry["remote"], "127.0.0.1:")
		return
	}
	t.Fatal("the request has no line in the log")
}

func TestEveryCodeHasItsPlaceInHTTP(t *testing.T) {
	wire := []string{
		"invalid", "unauthenticated", "denied", "not_found", "conflict", "unsupported", "exhausted", "unavailable", "deadline",
		"module_fault", "internal", "compacted",
	}
	for code, o := range outcomes {
		require.Contains(t, wire, o.code, code)
		require.NotEmpty(t, http.StatusText(o.status), code)
		require.GreaterOrEqual(t, o.status, 400)
	}
	for name, c := range map[string]struct {
		err  error
		code engine.Code
	}{
		"deadline":        {context.DeadlineExceeded, engine.CodeDeadline},
		"shut down":       {context.Canceled, engine.CodeUnavailable},
		"any":             {errors.New("secret"), engine.CodeInternal},
		"of the engine":   {engine.Wrap(context.Canceled, engine.CodeStale, "x"), engine.CodeStale},
		"of the router":   {fiber.ErrNotFound, engine.CodeNotFound},
		"odd, of router":  {fiber.ErrTeapot, engine.CodeInternal},
		"with its status": {refusef(415, engine.CodeInvalid, "x"), engine.CodeInvalid},
	} {
		r := refusalOf(c.err)
		require.Equal(t, c.code, r.reason.Code, name)
		require.NotContains(t, r.reason.Message, "secret")
	}
}
