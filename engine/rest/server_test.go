package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

func TestMain(m *testing.M) {
	// fasthttp keeps the text of the Date header in a goroutine of the process.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

const password = "correct horse battery staple"

// site is a running server with a client that is logged in.
type site struct {
	t      testing.TB
	url    string
	addr   string
	engine *engine.Engine
	store  *enginetest.MemoryStore
	client *http.Client
	server *Server
	log    *logBuffer
	stop   func() error
}

// logBuffer is a log that a test reads while the server writes.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(tb testing.TB, change ...func(*Options)) *site {
	tb.Helper()
	return startWith(tb, engine.SignaturePolicy{}, change...)
}

// startWith starts a server that runs the modules of a policy.
func startWith(tb testing.TB, signatures engine.SignaturePolicy, change ...func(*Options)) *site {
	tb.Helper()
	store := enginetest.NewMemoryStore()
	key, err := engine.NewVaultKey(make([]byte, 32))
	require.NoError(tb, err)
	e := engine.New(engine.Options{
		Store: store, Builtins: builtin.Services(), Runtime: fakeRuntime{}, Vault: engine.NewVault(store, []engine.VaultKey{key}),
		Signatures: signatures,
	})
	_, err = e.Bootstrap(tb.Context(), password)
	require.NoError(tb, err)
	log := &logBuffer{}
	o := Options{
		Engine: e, Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), Version: Version{Version: "1.2.3", Commit: "abc"},
		ShutdownTimeout: 3 * time.Second,
	}
	for _, c := range change {
		c(&o)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	ctx, cancel := context.WithCancel(tb.Context())
	ended := make(chan error, 1)
	server := New(o)
	go func() { ended <- server.Run(ctx, ln) }()
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	s := &site{
		t: tb, url: "http://" + ln.Addr().String(), addr: ln.Addr().String(), engine: e, store: store, log: log, server: server,
		client: &http.Client{Transport: transport, Timeout: 20 * time.Second},
	}
	s.stop = sync.OnceValue(func() error {
		cancel()
		err := <-ended
		transport.CloseIdleConnections()
		e.Close()
		return err
	})
	tb.Cleanup(func() { _ = s.stop() })
	return s
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

func (a answer) str(name string) string {
	s, _ := a.json[name].(string)
	return s
}

// with sets a header of a request.
func with(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func anonymous(r *http.Request) { r.Header.Del("Authorization") }

func (s *site) do(method, path, body string, change ...func(*http.Request)) answer {
	s.t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, s.url+path, in)
	require.NoError(s.t, err)
	r.SetBasicAuth("admin", password)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, c := range change {
		c(r)
	}
	return s.send(r)
}

func (s *site) send(r *http.Request) answer {
	s.t.Helper()
	resp, err := s.client.Do(r)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(text)}
	if strings.HasSuffix(resp.Header.Get("Content-Type"), "json") && !strings.HasSuffix(resp.Header.Get("Content-Type"), "ndjson") && len(text) > 0 {
		require.NoError(s.t, json.Unmarshal(text, &a.json), a.text)
	}
	return a
}

// dial opens a connection of its own.
func (s *site) dial() net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// app makes an application and returns its path.
func (s *site) app(service string) string {
	s.t.Helper()
	a := s.do("POST", "/v1/applications", fmt.Sprintf(`{"name":"app %d","credentialsService":%q}`, time.Now().UnixNano(), service))
	require.Equal(s.t, 201, a.status, a.text)
	return a.header.Get("Location")
}

// refused checks that an answer is a problem of this kind.
func refused(tb testing.TB, a answer, status int, code, field, words string) {
	tb.Helper()
	require.Equal(tb, status, a.status, a.text)
	require.Equal(tb, "application/problem+json", a.header.Get("Content-Type"))
	require.Equal(tb, code, a.str("code"), a.text)
	require.Equal(tb, field, a.str("field"), a.text)
	require.Contains(tb, a.str("detail"), words)
	require.EqualValues(tb, status, a.json["status"])
	require.Equal(tb, http.StatusText(status), a.str("title"))
	require.Equal(tb, "about:blank", a.str("type"))
	require.Equal(tb, a.header.Get("X-Request-Id"), a.str("requestId"))
	require.NotEmpty(tb, a.str("requestId"))
}
