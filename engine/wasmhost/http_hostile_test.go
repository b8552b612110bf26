package wasmhost

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero/experimental/wazerotest"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
	"github.com/credence-engine/credence/wasmabi"
)

func TestHeadersThatAreTheHostsOrBreakALineAreRefused(t *testing.T) {
	s := serve(t, nil)
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	own := rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(s.URL, true)+`]}`)
	refused := []wasmabi.Header{
		{Name: "x", Value: "a\r\nHost: inside"},
		{Name: "x", Value: "a\nb"},
		{Name: "x", Value: "a\rb"},
		{Name: "x", Value: "a\x00"},
		{Name: "x", Value: "a\x7f"},
		{Name: "x", Value: " a"},
		{Name: "x", Value: "a "},
		{Name: "x", Value: "\ta"},
		{Name: "x\r\nHost", Value: "inside"},
		{Name: "x:", Value: "a"},
		{Name: "x ", Value: "a"},
		{Name: " x", Value: "a"},
		{Name: "x\ty", Value: "a"},
		{Name: "é", Value: "a"},
		{Name: "x\x00", Value: "a"},
		{Name: "(x)", Value: "a"},
	}
	for _, name := range []string{
		"Host", "host", "HOST", "Connection", "Transfer-Encoding", "transfer-encoding", "Content-Length", "Upgrade", "TE", "te", "Trailer",
		"Keep-Alive", "Expect", "Accept-Encoding", "Proxy-Authorization", "proxy-connection", "PROXY-X",
		"X-HTTP-Method-Override", "x_http_method_override", "X-Original-URL", "X-Rewrite-Url", "X-Forwarded-Host", "Forwarded", "transfer_encoding",
	} {
		refused = append(refused, wasmabi.Header{Name: name, Value: "x"})
	}
	for _, h := range refused {
		w.calling(own, func(g *guest) {
			_, errno := g.get(s.URL+"/", wasmabi.Header{Name: "x-good", Value: "1"}, h)
			require.EqualValues(t, einval, errno, "%q: %q", h.Name, h.Value)
		})
	}
	require.Zero(t, s.requests.Load())
	w.calling(own, func(g *guest) {
		_, errno := g.get(s.URL+"/", wasmabi.Header{Name: "X!#$%&'*+-.^_`|~9", Value: "a\tb é"}, wasmabi.Header{Name: "empty"}, wasmabi.Header{Name: "user-agent", Value: "own"})
		require.Zero(t, errno)
	})
}

func TestRequestsThatAreMalformedAreRefusedAndTheCallGoesOn(t *testing.T) {
	w := newWorld(t, Options{})
	own := rightsFor(t, w.runtime.Runtime, `{"http":[`+rule("https://a.example", false)+`]}`)
	w.calling(own, func(g *guest) {
		for _, raw := range []string{"", "\xff", "\x0a\x03GET", "\x12\x12https://a.example/", "\x0a\x03GET\x12\x12https://a.example/\x28\xff\xff\xff\xff\xff\x01"} {
			require.EqualValues(t, einval, g.do("http_call", raw), "%q", raw)
		}
		require.Zero(t, g.call.spent.httpCalls)
	})
	w.calling(own, func(g *guest) {
		g.module.ExportMemory = wazerotest.NewFixedMemory(192 << 10)
		require.EqualValues(t, e2big, g.do("http_call", 0, wasmabi.MaxHTTPRequestBytes+1))
	})
}

// raw answers every connection with bytes that fn writes, once it has read
// something.
func raw(t *testing.T, fn func(io.Writer) error) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_ = fn(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "http://" + l.Addr().String()
}

// endless writes a piece, with its number for "#", again and again until nobody
// reads it.
func endless(head, piece string, pause time.Duration) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, head)
		for n := 0; err == nil; n++ {
			_, err = io.WriteString(w, strings.ReplaceAll(piece, "#", strconv.Itoa(n)))
			if pause > 0 {
				<-time.After(pause)
			}
		}
		return err
	}
}

func TestHostileAnswersEnd(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	for name, c := range map[string]struct {
		answer func(io.Writer) error
		errno  int64
	}{
		"an endless chunked body":        {endless(ok+"Transfer-Encoding: chunked\r\n\r\n", "400\r\n"+strings.Repeat("x", 1024)+"\r\n", 0), e2big},
		"an endless body without length": {endless(ok+"\r\n", strings.Repeat("x", 1024)+"", 0), e2big},
		"a long body that is announced":  {endless(ok+"Content-Length: 9999999999\r\n\r\n", "#", 0), e2big},
		"endless headers":                {endless(ok, "X-#: y\r\n", 0), eagain},
		"an endless header":              {endless(ok+"X: ", "#", 0), eagain},
		"endless news of progress":       {endless("", "HTTP/1.1 100 Continue\r\n\r\n", 0), eagain},
		"a body that trickles":           {endless(ok+"\r\n", "#", time.Millisecond), eagain},
		"headers that trickle":           {endless(ok, "X-#: y\r\n", time.Millisecond), eagain},
		"a status line that trickles":    {endless("", "#", time.Millisecond), eagain},
		"nothing at all":                 {func(io.Writer) error { return nil }, eagain},
		"something else":                 {func(w io.Writer) error { _, err := io.WriteString(w, "SSH-2.0-OpenSSH\r\n"); return err }, eagain},
		"a body cut short":               {func(w io.Writer) error { _, err := io.WriteString(w, ok+"Content-Length: 10\r\n\r\nx"); return err }, eagain},
		"two lengths": {func(w io.Writer) error {
			_, err := io.WriteString(w, ok+"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy")
			return err
		}, eagain},
		"a switch of protocols": {func(w io.Writer) error {
			_, err := io.WriteString(w, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
			return err
		}, eagain},
	} {
		t.Run(name, func(t *testing.T) {
			url := raw(t, c.answer)
			w.in(t).calling(rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(url, true)+`]}`), func(g *guest) {
				began := time.Now()
				handle := g.ask(wasmabi.HTTPRequest{Method: "GET", URL: url + "/", TimeoutMs: 300})
				require.Equal(t, c.errno, handle)
				require.Less(t, time.Since(began), 5*time.Second)
			})
		})
	}
}

func TestACompressedBodyIsHandedOverAsItIs(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, err := z.Write(make([]byte, 20<<20))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.Less(t, bomb.Len(), wasmabi.MaxBodyBytes)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			panic("compression was asked for")
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	})
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	w.calling(rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(s.URL, true)+`]}`), func(g *guest) {
		r, errno := g.get(s.URL + "/")
		require.Zero(t, errno)
		require.Equal(t, bomb.Bytes(), r.Body)
		require.Contains(t, r.Headers, wasmabi.Header{Name: "content-encoding", Value: "gzip"})
	})
}

func TestTheLargestAnswerFitsAndLongHeadersAreDropped(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for n := range 100 {
			w.Header().Set(fmt.Sprintf("X-%02d", n), strings.Repeat("v", 300))
		}
		w.Header().Set("X-Long", strings.Repeat("v", wasmabi.MaxHeaderBytes+1))
		w.Header()["X-Latin"] = []string{"caf\xe9"}
		_, _ = w.Write(make([]byte, wasmabi.MaxBodyBytes))
	})
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	w.calling(rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(s.URL, true)+`]}`), func(g *guest) {
		r, errno := g.get(s.URL + "/")
		require.Zero(t, errno)
		require.Len(t, r.Body, wasmabi.MaxBodyBytes)
		require.LessOrEqual(t, len(g.call.results[0]), wasmabi.MaxHTTPResponseBytes)
		size := 0
		for _, h := range r.Headers {
			require.NotContains(t, []string{"x-long", "x-latin"}, h.Name)
			size += len(h.Name) + len(h.Value)
		}
		require.Len(t, r.Headers, 16384/304+2, "as many as fit, with the date and the type")
		require.LessOrEqual(t, size, wasmabi.MaxResponseHeaderBytes)
	})
}

func TestHTTPCallsHaveAQuotaAndHandlesEndWithTheOperation(t *testing.T) {
	s := serve(t, nil)
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	own := rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(s.URL, true)+`]}`)
	w.calling(own, func(g *guest) {
		c := g.call
		for n := range 4 {
			require.EqualValues(t, n+1, g.ask(wasmabi.HTTPRequest{Method: "GET", URL: s.URL + "/"}))
		}
		require.EqualValues(t, edquot, g.ask(wasmabi.HTTPRequest{Method: "GET", URL: s.URL + "/"}))
		for _, handle := range []int{0, -1, 5, 1 << 30, -1 << 31} {
			require.EqualValues(t, einval, g.do("result_read", handle, buf, 10, 0), handle)
		}
		require.Positive(t, g.do("result_read", 4, buf, 10, 0))
		tx := c.tx
		c.end()
		c.begin(t.Context(), tx, subject{"app", "req"}, time.Now().Add(time.Minute))
		for handle := range 6 {
			require.EqualValues(t, einval, g.do("result_read", handle, buf, 10, 0), "of the operation before")
		}
		require.EqualValues(t, 5, g.ask(wasmabi.HTTPRequest{Method: "GET", URL: s.URL + "/"}))
		require.EqualValues(t, einval, g.do("result_read", 1, buf, 10, 0))
		require.Positive(t, g.do("result_read", 5, buf, 10, 0))
	})
	require.EqualValues(t, 5, s.requests.Load())
}

// A server that does not answer must not make an incident of each lookup: the
// guest is told in time to say that it has no answer.
func TestAGuestCanDecideWithoutAnAnswer(t *testing.T) {
	block := make(chan struct{})
	s := serve(t, func(http.ResponseWriter, *http.Request) { <-block })
	t.Cleanup(func() { close(block) })
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}, Limits: Limits{CallTimeout: 500 * time.Millisecond}})
	w.deploy("get", withManifest(t, wattest.Module(t, "http-get"), `{"abi":1,"name":"x","version":"1","capabilities":{"http":[{"url":"`+s.URL+`/"}]}}`),
		engine.ServiceSpec{Grants: []byte(`{"http":[` + rule(s.URL+"/", true) + `]}`)})
	_, err := w.lookup(w.app("get"), engine.CredentialsID(s.URL+"/"))
	require.Contains(t, failure(t, engine.CodeUnavailable, err).Message, "has no answer now")
	require.Empty(t, w.log.lines(`msg="a module failed"`))
}

func TestARequestThatIsGivenUpEndsTheCall(t *testing.T) {
	arrived := make(chan struct{})
	block := make(chan struct{})
	s := serve(t, func(http.ResponseWriter, *http.Request) { close(arrived); <-block })
	t.Cleanup(func() { close(block) })
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	own := rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(s.URL, true)+`]}`)
	require.NoError(t, w.units.work(t, func(_ context.Context, tx *engine.Tx) error {
		g := newGuest(t, tx, nil)
		ctx, cancel := context.WithCancel(t.Context())
		g.call.begin(ctx, tx, subject{"app", "req"}, time.Now().Add(time.Minute))
		g.call.rights = own
		go func() { <-arrived; cancel() }()
		var stopped *aborted
		require.ErrorAs(t, g.stops(func() { g.ask(wasmabi.HTTPRequest{Method: "GET", URL: s.URL + "/"}) }), &stopped)
		requireCode(t, engine.CodeUnavailable, stopped.cause)
		return nil
	}))
}

// What the guest does with its memory while a connection still reads the body
// is not sent.
func TestTheBodyIsSentAsItWas(t *testing.T) {
	got := make(chan string, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.WriteHeader(http.StatusOK) // before the body is read
		_ = http.NewResponseController(w).Flush()
		body, _ := io.ReadAll(r.Body)
		got <- string(body)
	})
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	w.calling(rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(s.URL, true, "POST")+`]}`), func(g *guest) {
		body := bytes.Repeat([]byte("body"), 4<<10)
		require.Positive(t, g.ask(wasmabi.HTTPRequest{Method: "POST", URL: s.URL + "/", Body: body}))
		require.True(t, g.module.Memory().Write(0, make([]byte, 32<<10)))
		require.Equal(t, string(body), <-got)
	})
}

func TestConnectionsEndWithTheirService(t *testing.T) {
	var open, closed int
	states := make(chan http.ConnState, 64)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) { states <- state }
	s.Start()
	t.Cleanup(s.Close)
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	own := rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(s.URL, true)+`]}`)
	for range 3 {
		w.calling(own, func(g *guest) {
			_, errno := g.get(s.URL + "/")
			require.Zero(t, errno)
		})
	}
	own.close()
	require.Eventually(t, func() bool {
		select {
		case state := <-states:
			if state == http.StateNew {
				open++
			}
			if state == http.StateClosed {
				closed++
			}
		default:
		}
		return closed == 1
	}, 5*time.Second, time.Millisecond)
	require.Equal(t, 1, open, "one connection for all")
}
