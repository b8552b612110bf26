package rest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// endless is a body that counts how much of it was read.
type endless struct {
	left int64
	read atomic.Int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.left)
	e.left -= n
	e.read.Add(n)
	for i := range p[:n] {
		p[i] = 'x'
	}
	return int(n), nil
}

func TestABodyOfAGigabyteIsRefusedUnread(t *testing.T) {
	s := start(t)
	app := s.app("Internal")
	for name, c := range map[string]struct {
		path    string
		chunked bool
		media   string
		user    bool
		status  int
		words   string
	}{
		"json, announced":       {app + "/credentials", false, "application/json", true, 413, "262144 bytes"},
		"json, chunked":         {app + "/credentials", true, "application/json", true, 413, "262144 bytes"},
		"module, announced":     {"/v1/modules", false, "application/wasm", true, 413, "33554432 of a module"},
		"module, chunked":       {"/v1/modules", true, "application/wasm", true, 413, "33554432 of a module"},
		"module without a user": {"/v1/modules", false, "application/wasm", false, 401, "log in"},
		"multipart":             {app + "/credentials", false, "multipart/form-data; boundary=x", true, 413, "262144 bytes"},
		"no such route":         {"/v1/nothing", false, "application/json", true, 413, "262144 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			const gigabyte = 1 << 30
			body := &endless{left: gigabyte}
			r, err := http.NewRequest(http.MethodPost, s.url+c.path, body)
			require.NoError(t, err)
			if !c.chunked {
				r.ContentLength = gigabyte
			}
			if c.user {
				r.SetBasicAuth("admin", password)
			}
			r.Header.Set("Content-Type", c.media)
			code := "invalid"
			if c.status == 401 {
				code = "unauthenticated"
			}
			refused(t, s.send(r), c.status, code, "", c.words)
			require.Less(t, body.read.Load(), int64(64<<20), "most of it was never read")
		})
	}
}

func TestFewModulesArriveAtOnce(t *testing.T) {
	s := start(t, func(o *Options) { o.JSONBytes = 1000 })
	module := "\x00asm" + strings.Repeat("x", 2000)
	var arriving []net.Conn
	for range maxUploads {
		c := s.dial()
		_, err := fmt.Fprintf(c, "POST /v1/modules HTTP/1.1\r\nHost: x\r\nAuthorization: Basic x\r\nContent-Length: 2004\r\n\r\n\x00asm")
		require.NoError(t, err)
		arriving = append(arriving, c)
	}
	taken := func() int {
		s.server.uploads.mu.Lock()
		defer s.server.uploads.mu.Unlock()
		return len(s.server.uploads.until)
	}
	require.Eventually(t, func() bool { return taken() == maxUploads }, 5*time.Second, time.Millisecond)
	a := s.do("POST", "/v1/modules", module, asWasm)
	refused(t, a, 429, "exhausted", "", "at once")
	require.Equal(t, "1", a.header.Get("Retry-After"))
	require.Equal(t, 200, s.do("GET", "/v1/modules", "").status, "nothing else is held up")
	for _, c := range arriving {
		require.NoError(t, c.Close())
	}
	require.Eventually(t, func() bool { return taken() == 0 }, 5*time.Second, time.Millisecond)
	require.Equal(t, 201, s.do("POST", "/v1/modules", module, asWasm).status)
}

func TestAnUploadThatBrokeOffIsForgotten(t *testing.T) {
	u, now := newUploads(), time.Now()
	for range maxUploads {
		require.True(t, u.admit(&fasthttp.RequestHeader{}, now, time.Second))
	}
	require.False(t, u.admit(&fasthttp.RequestHeader{}, now.Add(time.Second), time.Second))
	require.True(t, u.admit(&fasthttp.RequestHeader{}, now.Add(time.Second+1), time.Second))
}

func TestABodyAtTheLimitIsTaken(t *testing.T) {
	s := start(t, func(o *Options) { o.JSONBytes, o.ModuleBytes = 1000, 2000 })
	at := `{"name":"x"}` + strings.Repeat(" ", 1000-12)
	require.Equal(t, 201, s.do("POST", "/v1/applications", at).status)
	refused(t, s.do("POST", "/v1/applications", at+" "), 413, "invalid", "", "1000 bytes")
	module := "\x00asm" + strings.Repeat("x", 1996)
	require.Equal(t, 201, s.do("POST", "/v1/modules", module, asWasm).status)
	refused(t, s.do("POST", "/v1/modules", module+"x", asWasm), 413, "invalid", "", "2000 of a module")
	refused(t, s.do("POST", "/v1/modules/", module, asWasm), 413, "invalid", "", "1000 bytes")
}

func TestABodyMustSayWhatItIs(t *testing.T) {
	s := start(t)
	app := s.app("Internal")
	for name, c := range map[string]struct {
		method, path, body string
		header             string
		value              string
		status             int
		words              string
	}{
		"text":              {"POST", app + "/verify", `{}`, "Content-Type", "text/plain", 415, "application/json"},
		"form":              {"POST", app + "/verify", `{}`, "Content-Type", "application/x-www-form-urlencoded", 415, "application/json"},
		"latin":             {"POST", app + "/verify", `{}`, "Content-Type", "application/json; charset=latin1", 415, "application/json"},
		"malformed":         {"POST", app + "/verify", `{}`, "Content-Type", ";;", 415, "application/json"},
		"patch of a create": {"POST", "/v1/applications", `{}`, "Content-Type", "application/merge-patch+json", 415, "application/json"},
		"other patch":       {"PATCH", app, `[]`, "Content-Type", "application/json-patch+json", 415, "merge-patch+json"},
		"zipped":            {"POST", app + "/verify", "\x1f\x8b", "Content-Encoding", "gzip", 415, "Content-Encoding"},
		"body of a get":     {"GET", app, `{}`, "X-Any", "x", 400, "no body"},
		"body of a delete":  {"DELETE", app, `{}`, "X-Any", "x", 400, "no body"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, s.do(c.method, c.path, c.body, with(c.header, c.value)), c.status, "invalid", "", c.words)
		})
	}
	for _, fine := range []string{"", "application/json", "application/json; charset=UTF-8", "Application/JSON"} {
		a := s.do("POST", app+"/verify", `{"credentialsId":"x"}`, with("Content-Type", fine))
		require.Equal(t, 200, a.status, "%s: %s", fine, a.text)
	}
}

func TestLargeHeadersAreRefused(t *testing.T) {
	s := start(t, func(o *Options) { o.HeaderBytes = 2048 })
	refused(t, s.do("GET", "/livez", "", with("X-Large", strings.Repeat("x", 4096))), 431, "invalid", "", "2048 bytes")
}

func TestWhatIsNoHTTPIsRefused(t *testing.T) {
	s := start(t, func(o *Options) { o.ReadTimeout = 200 * time.Millisecond })
	for text, c := range map[string]struct {
		status int
		code   string
		words  string
	}{
		"nonsense\r\n\r\n": {400, "invalid", "no HTTP request"},
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n":   {400, "invalid", "no HTTP request"},
		"POST / HTTP/1.1\r\nContent-Length: 5\r\n":                  {408, "deadline", "in time"},
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab": {408, "deadline", "in time"},
	} {
		c2 := s.dial()
		_, err := fmt.Fprint(c2, text)
		require.NoError(t, err)
		r, err := http.NewRequest(http.MethodGet, s.url, nil)
		require.NoError(t, err)
		a := s.read(c2, r)
		require.Equal(t, c.status, a.status, "%q: %s", text, a.text)
		refused(t, a, c.status, c.code, "", c.words)
		require.NoError(t, c2.Close())
	}
}

func TestRequestsOfOneConnectionDoNotMix(t *testing.T) {
	s := start(t)
	app := s.app("Trustful")
	c := s.dial()
	r, err := http.NewRequest(http.MethodGet, s.url, nil)
	require.NoError(t, err)
	r.SetBasicAuth("admin", password)
	var both bytes.Buffer
	for _, id := range []string{"first-and-longer", "second"} {
		fmt.Fprintf(&both, "GET %s/credentials/%s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n", app, id, r.Header.Get("Authorization"))
	}
	_, err = c.Write(both.Bytes())
	require.NoError(t, err)
	text := make([]byte, 4096)
	seen := ""
	require.NoError(t, c.SetReadDeadline(time.Now().Add(5*time.Second)))
	for !strings.Contains(seen, `"id":"second"`) {
		n, err := c.Read(text)
		require.NoError(t, err, seen)
		seen += string(text[:n])
	}
	require.Contains(t, seen, `"id":"first-and-longer"`)
}
