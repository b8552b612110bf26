package rest

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/credence-engine/credence/engine"
)

// problem is the body of a refusal (RFC 9457). Clients branch on Code.
type problem struct {
	Type      string         `json:"type"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail"`
	Code      string         `json:"code"`
	Field     string         `json:"field,omitzero"`    // JSON pointer, or the name of a parameter
	Incident  string         `json:"incident,omitzero"` // of the log entry that says more
	Missing   jsontext.Value `json:"missing,omitzero"`  // beyond the grants, in their shape
	RequestID string         `json:"requestId"`
	// Nodes say why a deployment failed.
	Nodes []nodeReport `json:"nodes,omitzero"`
}

// outcomes is the one table from the engine's codes to HTTP.
var outcomes = map[engine.Code]struct {
	status int
	code   string
}{
	engine.CodeInvalid:         {http.StatusBadRequest, "invalid"},
	engine.CodeTooLarge:        {http.StatusRequestEntityTooLarge, "invalid"},
	engine.CodeUnauthenticated: {http.StatusUnauthorized, "unauthenticated"},
	engine.CodeDenied:          {http.StatusForbidden, "denied"},
	engine.CodeNotFound:        {http.StatusNotFound, "not_found"},
	engine.CodeConflict:        {http.StatusConflict, "conflict"},
	engine.CodeStale:           {http.StatusPreconditionFailed, "conflict"},
	engine.CodeReused:          {http.StatusUnprocessableEntity, "conflict"},
	engine.CodeCompacted:       {http.StatusGone, "compacted"},
	engine.CodeUnsupported:     {http.StatusMethodNotAllowed, "unsupported"},
	engine.CodeExhausted:       {http.StatusTooManyRequests, "exhausted"},
	engine.CodeUnavailable:     {http.StatusServiceUnavailable, "unavailable"},
	engine.CodeDeadline:        {http.StatusGatewayTimeout, "deadline"},
	engine.CodeModuleFault:     {http.StatusServiceUnavailable, "module_fault"},
	engine.CodeModuleError:     {http.StatusBadGateway, "module_fault"},
	engine.CodeInternal:        {http.StatusInternalServerError, "internal"},
}

// retryAfter is how long a client should wait when a quota is full or no
// decision could be reached.
const retryAfter = time.Second

// refusalError is an error that says more of its answer than an engine.Error can.
type refusalError struct {
	reason *engine.Error
	status int           // 0: what the code maps to
	retry  time.Duration // 0: what the status asks for
}

func (r *refusalError) Error() string { return r.reason.Error() }

func (r *refusalError) Unwrap() error { return r.reason }

// refusef makes a refusal with a status of its own.
func refusef(status int, code engine.Code, format string, args ...any) *refusalError {
	return &refusalError{reason: engine.Errorf(code, format, args...), status: status}
}

// refusalOf says how any error is answered.
func refusalOf(err error) refusalError {
	if r, ok := errors.AsType[*refusalError](err); ok {
		return *r
	}
	if e, ok := errors.AsType[*engine.Error](err); ok {
		return refusalError{reason: e}
	}
	if e, ok := errors.AsType[*fiber.Error](err); ok {
		return ofRouter(e)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return refusalError{reason: engine.Wrap(err, engine.CodeDeadline, "the request's time ran out before it could be answered: try again")}
	case errors.Is(err, context.Canceled):
		return refusalError{reason: engine.Wrap(err, engine.CodeUnavailable, "this node is shutting down: ask another one")}
	}
	return refusalError{reason: engine.Wrap(err, engine.CodeInternal, "a defect of the server; its log tells more under the incident's id")}
}

// ofRouter is for requests that no route takes.
func ofRouter(e *fiber.Error) refusalError {
	switch e.Code {
	case http.StatusNotFound:
		return refusalError{reason: engine.Errorf(engine.CodeNotFound, "there is no such route: check the path")}
	case http.StatusMethodNotAllowed:
		return refusalError{reason: engine.Errorf(engine.CodeUnsupported, "this route does not take that method: see the Allow header")}
	}
	return refusalError{reason: engine.Wrap(e, engine.CodeInternal, "a defect of the server; its log tells more under the incident's id")}
}

// refuse writes the problem that err is. What is the server's fault gets an
// incident id, under which the log holds the cause.
func (s *Server) refuse(ctx *fasthttp.RequestCtx, err error) {
	x := exchangeOf(ctx)
	r := refusalOf(err)
	outcome, known := outcomes[r.reason.Code]
	if !known {
		outcome = outcomes[engine.CodeInternal]
	}
	if r.status == 0 {
		r.status = outcome.status
	}
	p := problem{
		Type: "about:blank", Title: http.StatusText(r.status), Status: r.status, Detail: r.reason.Message,
		Code: outcome.code, Field: r.reason.Field, Incident: r.reason.Incident,
		Missing: jsontext.Value(r.reason.Missing), RequestID: x.id,
		Nodes: reportsOf(r.reason.Nodes),
	}
	if min(r.status, outcome.status) >= http.StatusInternalServerError && !errors.Is(err, errCrowded) {
		if p.Incident == "" {
			p.Incident = uuid.NewString()
		}
		s.log.Error("request failed", "incident", p.Incident, "requestId", x.id, "code", p.Code,
			"message", r.reason.Message, "cause", causeOf(err, r.reason))
	}
	body, _ := json.Marshal(p, lenient) // cannot fail: Missing is made by an encoder
	header := &ctx.Response.Header
	r.retry = max(r.retry, r.reason.Retry)
	switch {
	case r.retry == 0 && (r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable):
		r.retry = retryAfter
		fallthrough
	case r.retry > 0:
		header.Set(fiber.HeaderRetryAfter, strconv.Itoa(int((r.retry+time.Second-1)/time.Second)))
	}
	if r.status == http.StatusUnauthorized {
		header.Set(fiber.HeaderWWWAuthenticate, `Basic realm="credence", charset="UTF-8"`)
	}
	ctx.Response.SetStatusCode(r.status)
	header.SetContentType("application/problem+json")
	ctx.Response.SetBodyRaw(body)
}

// causeOf is the text of what the message does not show, for the log.
func causeOf(err error, shown *engine.Error) string {
	if cause := shown.Unwrap(); cause != nil {
		return cause.Error()
	}
	return err.Error()
}
