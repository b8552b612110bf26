package guesttest

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/credence-engine/credence/wasmabi"
	"github.com/credence-engine/credence/wasmabi/guest"
)

// Handler plays an external system. The request has its secrets in its headers,
// as they would arrive. An error plays a network that fails: the service gets
// wasmabi.EAGAIN.
type Handler func(r guest.Request) (guest.Response, error)

// route is a handler for one URL, or for all below one.
type route struct {
	url    string
	handle Handler
}

// fits tells whether the route is that of a URL, its query left out.
func (r route) fits(to string) bool {
	to, _, _ = strings.Cut(to, "?")
	return to == r.url || strings.HasSuffix(r.url, "/") && strings.HasPrefix(to, r.url)
}

// HTTPCall implements host.HTTP.
func (f *fake) HTTPCall(request []byte) int32 {
	var m wasmabi.HTTPRequest
	switch f.httpCalls++; {
	case f.draft == nil:
		return wasmabi.EPERM.Return()
	case f.httpCalls > wasmabi.MaxHTTPCalls:
		return wasmabi.EDQUOT.Return()
	case m.Decode(bytes.Clone(request)) != nil || !plainURL(m.URL):
		return wasmabi.EINVAL.Return()
	}
	at := slices.IndexFunc(f.routes, func(r route) bool { return r.fits(m.URL) })
	if at < 0 {
		return wasmabi.EPERM.Return()
	}
	used, refused := f.fill(m.Headers)
	if refused != 0 {
		return refused
	}
	timeout := f.deadline
	if asked := time.Duration(m.TimeoutMs) * time.Millisecond; asked > 0 {
		timeout = min(timeout, asked)
	}
	answer, err := f.routes[at].handle(guest.Request{Method: m.Method, URL: m.URL, Headers: m.Headers, Body: m.Body, Timeout: timeout})
	if err != nil {
		return wasmabi.EAGAIN.Return()
	}
	return f.answer(answer, used)
}

// fill appends the secrets to the headers that name one, and returns them.
func (f *fake) fill(headers []wasmabi.Header) (used [][]byte, refused int32) {
	for i := range headers {
		h := &headers[i]
		if !legalHeader(h) {
			return nil, wasmabi.EINVAL.Return()
		}
		if h.Secret == "" {
			continue
		}
		secret, found := f.secrets[h.Secret]
		if !found {
			return nil, wasmabi.ENOENT.Return()
		}
		used = append(used, secret)
		h.Value, h.Secret = h.Value+string(secret), ""
	}
	return used, 0
}

// answer keeps a response and returns its handle.
func (f *fake) answer(r guest.Response, secrets [][]byte) int32 {
	m := wasmabi.HTTPResponse{Status: uint32(r.Status), Body: r.Body}
	for _, h := range r.Headers[:min(len(r.Headers), wasmabi.MaxResponseHeaders)] {
		m.Headers = append(m.Headers, wasmabi.Header{Name: strings.ToLower(h.Name), Value: h.Value})
	}
	encoded := m.Append(nil)
	for _, secret := range secrets {
		if len(secret) > 0 && bytes.Contains(encoded, secret) {
			return wasmabi.EPERM.Return()
		}
	}
	if len(r.Body) > wasmabi.MaxBodyBytes || len(encoded) > wasmabi.MaxHTTPResponseBytes {
		return wasmabi.E2BIG.Return()
	}
	f.results = append(f.results, encoded)
	return int32(len(f.results))
}

// ResultRead implements host.HTTP.
func (f *fake) ResultRead(handle int32, dst []byte, offset int) int32 {
	if handle < 1 || int(handle) > len(f.results) {
		return wasmabi.EINVAL.Return()
	}
	result := f.results[handle-1]
	return int32(copy(dst, result[min(offset, len(result)):]))
}

// plainURL tells whether the engine would take a URL for one. The engine is
// stricter: it accepts no spelling that somebody could read in another way.
func plainURL(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Contains(raw, "#") {
		return false
	}
	segments := strings.Split(strings.TrimSuffix(strings.TrimPrefix(u.EscapedPath(), "/"), "/"), "/")
	return len(segments) == 1 || !slices.ContainsFunc(segments, func(s string) bool { return s == "" || s == "." || s == ".." })
}

// hosts are the headers that the engine writes itself.
var hosts = []string{
	"host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "keep-alive", "expect", "accept-encoding",
}

func legalHeader(h *wasmabi.Header) bool {
	name := strings.ToLower(h.Name)
	token := !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) })
	value := !strings.ContainsFunc(h.Value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
	return token && value && !slices.Contains(hosts, name) && !strings.HasPrefix(name, "proxy-")
}
