package wasmhost

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/wasmabi"
)

// httpCall sends a request and keeps the response under a handle. The guest
// waits, and holds nothing that another call could want.
func httpCall(c *call, m api.Memory, args []uint64) int64 {
	view := c.view(m, args[0], args[1])
	switch {
	case c.rights == nil || len(c.rights.asked) == 0 || c.tx == nil && !c.network:
		return result(wasmabi.EPERM)
	case len(view) > wasmabi.MaxHTTPRequestBytes:
		return result(wasmabi.E2BIG)
	}
	// The connection may read of it after the guest runs again.
	var asked wasmabi.HTTPRequest
	if asked.Decode(bytes.Clone(view)) != nil {
		return result(wasmabi.EINVAL)
	}
	to, err := readTarget(asked.URL)
	if err != nil || checkMethod(asked.Method) != nil {
		return result(wasmabi.EINVAL)
	}
	allowed, allowPrivate := c.rights.allows(asked.Method, to)
	if !allowed {
		return result(wasmabi.EPERM)
	}
	headers, secrets, errno := c.headersOf(asked.Headers)
	if errno != 0 {
		return result(errno)
	}
	if !charge(&c.spent.httpCalls, 1, c.limits.HTTPCalls) {
		return result(wasmabi.EDQUOT)
	}
	c.checkTime()
	ctx, cancel := context.WithTimeout(c.ctx, c.patience(asked.TimeoutMs))
	defer cancel()
	var answer wasmabi.HTTPResponse
	c.aside(func() { answer, err = c.rights.client.send(requestTo(ctx, to, asked, headers), allowPrivate) })
	c.checkTime()
	if err != nil {
		return c.unsent(asked.Method, to, err)
	}
	encoded := answer.Append(nil)
	if discloses(encoded, secrets) {
		c.note(asked.Method, to, "the response holds a secret that was sent")
		return result(wasmabi.EPERM)
	}
	c.results = append(c.results, encoded)
	return int64(c.firstResult) + int64(len(c.results)) - 1
}

// patience is how long a request may take: what is left of the call but for a
// little, in which the guest can still decide without an answer.
func (c *call) patience(askedMs uint32) time.Duration {
	const enough = 25 * time.Millisecond
	left := time.Until(c.deadline)
	left -= min(left/10, enough)
	if askedMs > 0 {
		left = min(left, time.Duration(askedMs)*time.Millisecond)
	}
	return left
}

// requestTo makes the request. Its URL is written as it was checked.
func requestTo(ctx context.Context, to target, asked wasmabi.HTTPRequest, headers http.Header) *http.Request {
	path, _ := url.PathUnescape(to.path) // checked
	r := &http.Request{
		Method: asked.Method, Header: headers, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		URL: &url.URL{
			Scheme: to.scheme, Host: to.authority(), Path: path, RawPath: to.path,
			RawQuery: strings.TrimPrefix(to.query, "?"), ForceQuery: to.query == "?",
		},
	}
	if len(asked.Body) > 0 {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(asked.Body)), int64(len(asked.Body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(asked.Body)), nil }
	}
	return r.WithContext(ctx)
}

// unsent turns the failure of a request into what the guest gets, and tells
// operators why.
func (c *call) unsent(method string, to target, err error) int64 {
	c.note(method, to, whyUnsent(err))
	switch {
	case errors.Is(err, errAddress):
		return result(wasmabi.EPERM)
	case errors.Is(err, errLongBody):
		return result(wasmabi.E2BIG)
	}
	return result(wasmabi.EAGAIN)
}

// note logs what became of a request. Path and query are the guest's, and may
// name what should not be in a log.
func (c *call) note(method string, to target, why string) {
	if attributes, ok := c.log.attributes(wasmabi.Warn, []byte(method+" "+to.scheme+"://"+to.authority()+": "+why), c.of); ok {
		c.log.log.LogAttrs(c.ctx, slog.LevelWarn, "a request of a module failed", attributes...)
	}
}

// discloses tells whether a response holds the value of a secret. Names of
// headers are in lower case.
func discloses(encoded []byte, secrets []string) bool {
	for _, s := range secrets {
		if bytes.Contains(encoded, []byte(s)) || bytes.Contains(encoded, []byte(strings.ToLower(s))) {
			return true
		}
	}
	return false
}

func resultRead(c *call, m api.Memory, args []uint64) int64 {
	into := c.view(m, args[1], args[2])
	n := int64(uint32(args[0])) - int64(c.firstResult)
	if n < 0 || n >= int64(len(c.results)) {
		return result(wasmabi.EINVAL)
	}
	offset := int(uint32(args[3]))
	if offset >= len(c.results[n]) {
		return 0
	}
	return int64(copy(into, c.results[n][offset:]))
}
