package wasmhost

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/credence-engine/credence/wasmabi"
)

// hostHeaders are those of a connection, and those that some servers take a
// method, a host or a path from. Who sets them could make one request look like
// two, or like one that is not on the list.
var hostHeaders = []string{
	"accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
	"forwarded", "x-host", "x-original-host", "x-original-url", "x-rewrite-url",
	"x-http-method", "x-http-method-override", "x-method-override",
}

var hostPrefixes = []string{"proxy-", "x-forwarded-"}

// tokenBytes may occur in the name of a header (RFC 9110, section 5.6.2).
const tokenBytes = letters + digits + "!#$%&'*+-.^_`|~"

// settable tells whether a guest may send a header of this name.
func settable(name string) bool {
	if name == "" || strings.Trim(name, tokenBytes) != "" {
		return false
	}
	same := strings.ReplaceAll(strings.ToLower(name), "_", "-") // to servers that hand them on in variables
	return !slices.Contains(hostHeaders, same) &&
		!slices.ContainsFunc(hostPrefixes, func(prefix string) bool { return strings.HasPrefix(same, prefix) })
}

// sendable tells whether a header can have this value: no control characters
// but tabs, and no space around.
func sendable(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) &&
		strings.Trim(value, " \t") == value
}

// headersOf makes the headers of a request. It returns the values of secrets
// that are in them.
func (c *call) headersOf(headers []wasmabi.Header) (http.Header, []string, wasmabi.Errno) {
	out := make(http.Header, len(headers)+1)
	out.Set("User-Agent", userAgent)
	var secrets []string
	for i := range headers {
		h := &headers[i]
		if !settable(h.Name) {
			return nil, nil, wasmabi.EINVAL
		}
		value := h.Value
		if h.Secret != "" {
			secret, errno := c.secret(h.Secret)
			if errno != 0 {
				return nil, nil, errno
			}
			secrets = append(secrets, string(secret))
			value += string(secret)
		}
		if !sendable(value) {
			return nil, nil, wasmabi.EINVAL
		}
		if name := http.CanonicalHeaderKey(h.Name); name == "User-Agent" {
			out.Set(name, value)
		} else {
			out[name] = append(out[name], value)
		}
	}
	return out, secrets, 0
}

const userAgent = "credence"

// answered are the headers of a response that a guest gets.
func answered(h http.Header) []wasmabi.Header {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	headers := make([]wasmabi.Header, 0, min(len(h), wasmabi.MaxResponseHeaders))
	left := wasmabi.MaxResponseHeaderBytes
	for _, name := range names {
		lower := strings.ToLower(name)
		for _, value := range h[name] {
			size := len(lower) + len(value)
			if len(lower) > wasmabi.MaxHeaderNameBytes || len(value) > wasmabi.MaxHeaderBytes || size > left || !utf8.ValidString(value) {
				continue
			}
			if len(headers) == wasmabi.MaxResponseHeaders {
				return headers
			}
			left -= size
			headers = append(headers, wasmabi.Header{Name: lower, Value: value})
		}
	}
	return headers
}
