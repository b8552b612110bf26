package main

import (
	"bytes"
	"strings"

	"github.com/credence-engine/credence/wasmabi"
)

func get(url string) []byte { return request("GET", url) }

func request(method, url string, headers ...wasmabi.Header) []byte {
	r := wasmabi.HTTPRequest{Method: method, URL: url, Headers: headers}
	return r.Append(nil)
}

// answer reads a response.
func (t *try) answer(what string, handle int32) wasmabi.HTTPResponse {
	var r wasmabi.HTTPResponse
	t.holds(what+": there is a handle", handle >= 1)
	if handle < 1 {
		return r
	}
	buf := make([]byte, wasmabi.MaxHTTPResponseBytes)
	n := resultReadRaw(handle, buf, 0)
	t.holds(what+": it can be read", n > 0 && r.Decode(buf[:max(0, n)]) == nil)
	return r
}

func header(r wasmabi.HTTPResponse, name string) string {
	for _, h := range r.Headers {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

func httpCall(t *try) {
	ok := t.answer("GET", httpCallRaw(get(known.URL+"/ok?q=1")))
	t.holds("its status", ok.Status == 200)
	t.holds("its body", string(ok.Body) == "GET /ok?q=1 ")
	t.holds("its headers, in lower case", header(ok, "x-answer") == "yes")
	post := wasmabi.HTTPRequest{Method: "POST", URL: known.URL + "/ok", Body: []byte("sent"), TimeoutMs: 900}
	sent := t.answer("POST", httpCallRaw(post.Append(nil)))
	t.holds("the body arrived", string(sent.Body) == "POST /ok sent")
	moved := t.answer("a redirect", httpCallRaw(get(known.URL+"/moved")))
	t.holds("a redirect is not followed", moved.Status == 302 && header(moved, "location") != "")
	t.is("a body that is too long", httpCallRaw(get(known.URL+"/long")), errno(wasmabi.E2BIG))
}

// httpRefused asks for what must not be sent. None of it counts.
func httpRefused(t *try) {
	for what, r := range map[string][]byte{
		"another path":   get(strings.TrimSuffix(known.URL, "/api") + "/ok"),
		"another host":   get("https://example.com/api/ok"),
		"another method": request("DELETE", known.URL+"/ok"),
	} {
		t.is(what, httpCallRaw(r), errno(wasmabi.EPERM))
	}
	for what, r := range map[string][]byte{
		"no message":         []byte("\xff\xff"),
		"a path that climbs": get(known.URL + "/../ok"),
		"a user in the URL":  get(strings.Replace(known.URL, "://", "://me@", 1) + "/ok"),
		"no URL":             get("ok"),
		"a method":           request("G T", known.URL+"/ok"),
		"a header's name":    request("GET", known.URL+"/ok", wasmabi.Header{Name: "a b", Value: "x"}),
		"a header's value":   request("GET", known.URL+"/ok", wasmabi.Header{Name: "a", Value: "x\r\nb: y"}),
		"the host's header":  request("GET", known.URL+"/ok", wasmabi.Header{Name: "Host", Value: "x"}),
		"the length":         request("GET", known.URL+"/ok", wasmabi.Header{Name: "Content-Length", Value: "1"}),
	} {
		t.is(what, httpCallRaw(r), errno(wasmabi.EINVAL))
	}
	t.is("a secret that is not there", httpCallRaw(request("GET", known.URL+"/ok", wasmabi.Header{Name: "a", Secret: "absent"})), errno(wasmabi.ENOENT))
	t.is("a secret that is not granted", httpCallRaw(request("GET", known.URL+"/ok", wasmabi.Header{Name: "a", Secret: "other"})), errno(wasmabi.EPERM))
	t.is("a private address that was not allowed", httpCallRaw(get(known.Private+"/ok")), errno(wasmabi.EPERM))
}

func httpHeaders(t *try) {
	secret := t.answer("a secret", httpCallRaw(request("GET", known.URL+"/secret", wasmabi.Header{Name: "Authorization", Value: "Bearer ", Secret: "shared"})))
	t.holds("the server knows the secret", secret.Status == 204)
	own := t.answer("a header", httpCallRaw(request("GET", known.URL+"/header", wasmabi.Header{Name: "X-Own", Value: "value"})))
	t.holds("the header arrived", string(own.Body) == "value")
	t.is("a response that holds the secret", httpCallRaw(request("GET", known.URL+"/header", wasmabi.Header{Name: "X-Own", Secret: "shared"})), errno(wasmabi.EPERM))
}

func httpQuota(t *try) {
	for range wasmabi.MaxHTTPCalls {
		t.holds("a call", httpCallRaw(get(known.URL+"/ok")) >= 1)
	}
	t.is("one more", httpCallRaw(get(known.URL+"/ok")), errno(wasmabi.EDQUOT))
}

// stale is a handle of an earlier operation.
var stale int32

// resultRead runs twice.
func resultRead(t *try) {
	buf := make([]byte, wasmabi.MaxHTTPResponseBytes)
	if stale != 0 {
		t.is("a handle of an earlier operation", resultReadRaw(stale, buf, 0), errno(wasmabi.EINVAL))
	}
	handle := httpCallRaw(get(known.URL + "/ok"))
	t.holds("there is a handle", handle >= 1)
	n := resultReadRaw(handle, buf, 0)
	t.holds("all of it", n > 0)
	whole := bytes.Clone(buf[:max(0, n)])
	t.is("a piece", resultReadRaw(handle, buf[:4], 2), 4)
	t.holds("the bytes of a piece", bytes.Equal(buf[:4], whole[2:6]))
	t.is("the end", resultReadRaw(handle, buf, uint32(n)), 0)
	t.is("beyond the end", resultReadRaw(handle, buf, 1<<30), 0)
	for _, unknown := range []int32{0, -1, handle + 1, 1 << 30} {
		t.is("no handle", resultReadRaw(unknown, buf, 0), errno(wasmabi.EINVAL))
	}
	stale = handle
}
