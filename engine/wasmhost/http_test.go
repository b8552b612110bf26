package wasmhost

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
	"github.com/credence-engine/credence/wasmabi"
)

const eagain = -11

// rightsFor are those of a service on a runtime. The manifest asks for what is
// granted, but for private addresses.
func rightsFor(tb testing.TB, r *Runtime, grants string) *rights {
	tb.Helper()
	granted, err := readCapabilities(json.RawMessage(grants), true)
	require.NoError(tb, err)
	require.NoError(tb, r.ceiling.check(&granted, &granted))
	own := r.rightsOf(&granted, &granted)
	tb.Cleanup(own.close)
	return own
}

// rule is an entry of grants for everything below a URL.
func rule(url string, private bool, methods ...string) string {
	if len(methods) == 0 {
		methods = []string{"GET"}
	}
	return `{"url":` + strconv.Quote(url) + `,"methods":["` + strings.Join(methods, `","`) + `"],"allowPrivate":` + strconv.FormatBool(private) + `}`
}

// calling runs fn with a guest that is in an operation and has the rights.
func (w *world) calling(own *rights, fn func(*guest)) {
	w.t.Helper()
	require.NoError(w.t, w.units.work(w.t, func(_ context.Context, tx *engine.Tx) error {
		g := newGuest(w.t, tx, nil)
		g.call.rights, g.call.firstResult = own, 1
		fn(g)
		return nil
	}))
}

// ask sends a request as a guest would.
func (g *guest) ask(r wasmabi.HTTPRequest) int64 {
	g.t.Helper()
	return g.do("http_call", string(r.Append(nil)))
}

// get sends a GET, and returns the response or the error number.
func (g *guest) get(url string, headers ...wasmabi.Header) (wasmabi.HTTPResponse, int64) {
	g.t.Helper()
	handle := g.ask(wasmabi.HTTPRequest{Method: "GET", URL: url, Headers: headers})
	if handle < 0 {
		return wasmabi.HTTPResponse{}, handle
	}
	return g.response(handle), 0
}

// response reads what a handle stands for, in pieces.
func (g *guest) response(handle int64) wasmabi.HTTPResponse {
	g.t.Helper()
	var raw string
	for {
		n := g.do("result_read", int(handle), buf, 10_000, len(raw))
		require.GreaterOrEqual(g.t, n, int64(0))
		if n == 0 {
			break
		}
		raw += g.at(buf, int(n))
	}
	var r wasmabi.HTTPResponse
	require.NoError(g.t, r.Decode([]byte(raw)))
	return r
}

// server answers on a loopback address and counts what reaches it.
type server struct {
	*httptest.Server
	requests atomic.Int32
}

func serve(tb testing.TB, handle http.HandlerFunc) *server {
	tb.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if handle != nil {
			handle(w, r)
		}
	}))
	tb.Cleanup(s.Close)
	return s
}

func TestARequestIsSentAsItIsAskedFor(t *testing.T) {
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	var seen *http.Request
	var body []byte
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r
		body, _ = io.ReadAll(r.Body)
		w.Header()["X-Two"] = []string{"1", "2"}
		w.Header().Set("Set-Cookie", "a=b")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout")
	})
	own := rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(s.URL+"/pot/", true, "POST")+`]}`)
	for range 2 { // the second over the same connection, without the cookie
		w.calling(own, func(g *guest) {
			handle := g.ask(wasmabi.HTTPRequest{
				Method: "POST", URL: s.URL + "/pot/SN%2B1/?q=a+b&r=%2e", Body: []byte("tea"), TimeoutMs: 5000,
				Headers: []wasmabi.Header{{Name: "content-type", Value: "text/plain"}, {Name: "X-A", Value: "1"}, {Name: "x-a", Value: "2"}},
			})
			require.EqualValues(t, 1, handle)
			r := g.response(handle)
			require.EqualValues(t, http.StatusTeapot, r.Status)
			require.Equal(t, "short and stout", string(r.Body))
			require.Contains(t, r.Headers, wasmabi.Header{Name: "set-cookie", Value: "a=b"})
			require.Contains(t, r.Headers, wasmabi.Header{Name: "x-two", Value: "2"})
			require.EqualValues(t, 0, g.do("result_read", 1, buf, 10, 1<<20), "nothing beyond the end")
		})
		require.Equal(t, "POST", seen.Method)
		require.Equal(t, "/pot/SN%2B1/?q=a+b&r=%2e", seen.RequestURI)
		require.Equal(t, strings.TrimPrefix(s.URL, "http://"), seen.Host)
		require.Equal(t, "tea", string(body))
		require.Equal(t, http.Header{
			"Content-Type": {"text/plain"}, "Content-Length": {"3"}, "X-A": {"1", "2"}, "User-Agent": {"credence"},
		}, seen.Header)
	}
}

func TestAModuleGetsWhatItsServiceIsGranted(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) })
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	wasm := withManifest(t, wattest.Module(t, "http-get"),
		`{"abi":1,"name":"x","version":"1","capabilities":{"http":[{"url":"`+s.URL+`/devices/"},{"url":"`+s.URL+`/more/"}]}}`)
	w.deploy("get", wasm, engine.ServiceSpec{Grants: []byte(`{"http":[` + rule(s.URL+"/devices/", true) + `,` + rule(s.URL+"/more/", false) + `]}`)})
	require.Zero(t, s.requests.Load(), "nothing is asked on trial")
	app := w.app("get")
	id := engine.CredentialsID(s.URL + "/devices/1")
	c, err := w.lookup(app, id)
	require.NoError(t, err)
	var r wasmabi.HTTPResponse
	require.NoError(t, r.Decode(c.Body))
	require.Equal(t, "/devices/1", string(r.Body))
	_, err = w.lookup(app, engine.CredentialsID(s.URL+"/admin"))
	requireCode(t, engine.CodeDenied, err)
	_, err = w.lookup(app, engine.CredentialsID(s.URL+"/more/1"))
	requireCode(t, engine.CodeDenied, err)
	require.EqualValues(t, 1, s.requests.Load())
}
