package guest

import (
	"time"

	"github.com/credence-engine/credence/wasmabi"
)

// HTTP asks external systems: those that the manifest names and the operator
// has granted. It needs the capability http. Four requests may be made in one
// operation. An operation that meets a conflict runs again, and so do its
// requests: they have to be safe to repeat.
type HTTP struct{ d *Dispatcher }

// Header is one line of a request or response. In a request, Secret may name a
// secret that the engine appends to Value ("Bearer " and the token), which the
// module never sees; the capability secrets has to list it. The names of a
// response are in lower case.
type Header = wasmabi.Header

// Request is an HTTP request.
type Request struct {
	Method  string        // GET if empty
	URL     string        // absolute, at most 2 KiB
	Headers []Header      // at most 32, each value of at most 4 KiB
	Body    []byte        // at most 64 KiB
	Timeout time.Duration // 0: what is left of the operation's time, see [Call.Deadline]
}

// Response is what an external system answered. It belongs to the caller.
type Response struct {
	Status  int      // 100 to 999; redirects are not followed
	Headers []Header // the first 64
	Body    []byte   // at most 64 KiB
}

// Header returns the value of the first header with this name, which has to be
// in lower case, or "".
func (r Response) Header(name string) string {
	for _, h := range r.Headers {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// Do sends a request and waits for the response. An answer of any status is a
// response; the error wraps wasmabi.EAGAIN when the network failed or the time
// ran out, EPERM when the URL or a secret is not granted, ENOENT when there is
// no such secret, E2BIG for a body over 64 KiB, EINVAL for a request that is
// malformed, EDQUOT for the fifth request.
func (h HTTP) Do(r Request) (Response, error) {
	if r.Method == "" {
		r.Method = "GET"
	}
	m := wasmabi.HTTPRequest{Method: r.Method, URL: r.URL, Headers: r.Headers, Body: r.Body}
	if r.Timeout > 0 {
		m.TimeoutMs = uint32(min(max(r.Timeout.Milliseconds(), 1), 1<<31))
	}
	handle := h.d.host.HTTP.HTTPCall(m.Append(nil))
	if err := failed(wasmabi.ImportHTTPCall, handle); err != nil {
		return Response{}, err
	}
	encoded, err := h.result(handle)
	if err != nil {
		return Response{}, err
	}
	var answer wasmabi.HTTPResponse
	if err := answer.Decode(encoded); err != nil {
		return Response{}, err
	}
	return Response{Status: int(answer.Status), Headers: answer.Headers, Body: answer.Body}, nil
}

// result reads all of a response.
func (h HTTP) result(handle int32) ([]byte, error) {
	buf := make([]byte, 0, 4<<10)
	for {
		space := buf[len(buf):cap(buf)]
		n := h.d.host.HTTP.ResultRead(handle, space, len(buf))
		if err := failed(wasmabi.ImportResultRead, n); err != nil {
			return nil, err
		}
		buf = buf[:len(buf)+int(n)]
		if int(n) < len(space) {
			return buf, nil
		}
		buf = append(make([]byte, 0, 4*cap(buf)), buf...)
	}
}
