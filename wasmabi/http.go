package wasmabi

import (
	"math"
	"strconv"
)

// Header is a line of an HTTP request or response.
type Header struct {
	// Name has 1 to [MaxHeaderNameBytes] bytes. In responses it is in lower
	// case.
	Name string
	// Value has at most [MaxHeaderBytes].
	Value string
	// Secret names a secret, in requests only, that the host appends to Value:
	// "Bearer " and the secret's value. Empty means none.
	Secret string
}

// HTTPRequest is what http_call takes: HttpRequest in credentials.proto.
type HTTPRequest struct {
	Method string // required, in upper case
	URL    string // required, absolute, at most MaxURLBytes
	// Headers are at most [MaxRequestHeaders].
	Headers []Header
	Body    []byte // at most MaxBodyBytes
	// TimeoutMs bounds the call, in milliseconds; 0 means what is left of the
	// operation's time, which bounds it in any case.
	TimeoutMs uint32
}

// HTTPResponse is what result_read hands out: HttpResponse in
// credentials.proto. Its encoded form has at most [MaxHTTPResponseBytes].
type HTTPResponse struct {
	Status uint32 // 100 to 999
	// Headers are at most [MaxResponseHeaders]; the host drops the others.
	Headers []Header
	Body    []byte // at most MaxBodyBytes
}

var (
	headerFields = []field{
		1: {name: "name", kind: text, limit: MaxHeaderNameBytes},
		2: {name: "value", kind: text, limit: MaxHeaderBytes},
		3: {name: "secret", kind: text, limit: MaxIDBytes},
	}
	httpRequestFields = []field{
		1: {name: "method", kind: text, limit: MaxIDBytes},
		2: {name: "url", kind: text, limit: MaxURLBytes},
		3: {name: "headers", kind: message, repeated: true},
		4: {name: "body", kind: blob, limit: MaxBodyBytes},
		5: {name: "timeout_ms", kind: number},
	}
	httpResponseFields = []field{
		1: {name: "status", kind: number},
		2: {name: "headers", kind: message, repeated: true},
		3: {name: "body", kind: blob, limit: MaxBodyBytes},
	}
)

func (h *Header) size() int {
	return blockSize(len(h.Name)) + blockSize(len(h.Value)) + blockSize(len(h.Secret))
}

func appendHeaders(dst []byte, number int, headers []Header) []byte {
	for i := range headers {
		h := &headers[i]
		dst = appendHead(dst, number, h.size())
		dst = appendBlock(dst, 1, h.Name)
		dst = appendBlock(dst, 2, h.Value)
		dst = appendBlock(dst, 3, h.Secret)
	}
	return dst
}

func (h *Header) decode(d decoder) error {
	for n := d.next(); n != 0; n = d.next() {
		switch n {
		case 1:
			h.Name = d.shared()
		case 2:
			h.Value = d.shared()
		case 3:
			h.Secret = d.shared()
		}
	}
	d.require(1, h.Name != "")
	return d.err
}

// header reads the current field as one more of headers.
func (d *decoder) header(headers []Header, limit int) []Header {
	if len(headers) == limit {
		d.fail(d.at, "more than "+strconv.Itoa(limit)+" headers")
		return headers
	}
	var h Header
	d.err = h.decode(d.nested("Header", headerFields))
	return append(headers, h)
}

// short reads the current field as a number of 32 bits.
func (d *decoder) short() uint32 {
	if d.value > math.MaxUint32 {
		d.fail(d.at, "a number has more than 32 bits")
		return 0
	}
	return uint32(d.value)
}

// Append appends the encoded message to dst.
func (m *HTTPRequest) Append(dst []byte) []byte {
	dst = appendBlock(dst, 1, m.Method)
	dst = appendBlock(dst, 2, m.URL)
	dst = appendHeaders(dst, 3, m.Headers)
	dst = appendBlock(dst, 4, m.Body)
	return appendNumber(dst, 5, uint64(m.TimeoutMs))
}

// Decode reads the message from all of src, which its strings and bytes alias.
// The slice of headers is used again.
func (m *HTTPRequest) Decode(src []byte) error {
	d := decoder{message: "HttpRequest", fields: httpRequestFields, src: src}
	*m = HTTPRequest{Headers: m.Headers[:0]}
	for n := d.next(); n != 0; n = d.next() {
		switch n {
		case 1:
			m.Method = d.shared()
		case 2:
			m.URL = d.shared()
		case 3:
			m.Headers = d.header(m.Headers, MaxRequestHeaders)
		case 4:
			m.Body = d.block
		case 5:
			m.TimeoutMs = d.short()
		}
	}
	d.require(1, m.Method != "")
	d.require(2, m.URL != "")
	return d.err
}

// Append appends the encoded message to dst.
func (m *HTTPResponse) Append(dst []byte) []byte {
	dst = appendNumber(dst, 1, uint64(m.Status))
	dst = appendHeaders(dst, 2, m.Headers)
	return appendBlock(dst, 3, m.Body)
}

// Decode reads the message from all of src, which its strings and bytes alias.
// The slice of headers is used again.
func (m *HTTPResponse) Decode(src []byte) error {
	d := decoder{message: "HttpResponse", fields: httpResponseFields, src: src}
	*m = HTTPResponse{Headers: m.Headers[:0]}
	for n := d.next(); n != 0; n = d.next() {
		switch n {
		case 1:
			m.Status = d.short()
		case 2:
			m.Headers = d.header(m.Headers, MaxResponseHeaders)
		case 3:
			m.Body = d.block
		}
	}
	d.require(1, m.Status != 0)
	return d.err
}
