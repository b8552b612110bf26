package rest

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/credence-engine/credence/engine"
)

// exchange is what the log and the metrics tell of one request.
type exchange struct {
	id    string // of the request
	start time.Time
	route string // as in the table; "none" when no route takes it
	user  engine.UserName
}

type exchangeKey struct{}

func exchangeOf(ctx *fasthttp.RequestCtx) *exchange {
	return ctx.UserValue(exchangeKey{}).(*exchange)
}

// serve is the outermost handler: whatever happens inside, the request gets an
// answer, a line in the log and a place in the metrics.
func (s *Server) serve(ctx *fasthttp.RequestCtx) {
	x := begin(ctx)
	defer s.end(ctx, x)
	if isUpload(&ctx.Request.Header) {
		defer s.uploads.done(&ctx.Request.Header)
	}
	defer func() {
		if r := recover(); r != nil {
			ctx.Response.Reset()
			decorate(ctx, x)
			s.refuse(ctx, fmt.Errorf("panic: %v\n%s", r, debug.Stack()))
		}
	}()
	switch {
	case !bytes.Equal(targetPath(ctx.RequestURI()), ctx.URI().PathOriginal()):
		s.refuse(ctx, engine.Errorf(engine.CodeInvalid, "the request's target is no plain path: percent-encode what is in an id"))
	case !slices.Contains(fiber.DefaultMethods, string(ctx.Method())):
		s.refuse(ctx, refusef(http.StatusNotImplemented, engine.CodeUnsupported, "the method is unknown"))
	default:
		s.router(ctx)
	}
}

// serveMalformed answers what could not be read as a request.
func (s *Server) serveMalformed(ctx *fasthttp.RequestCtx, err error) {
	x := begin(ctx)
	defer s.end(ctx, x)
	lingerOn(ctx.Conn())
	var network net.Error
	header := &ctx.Request.Header // empty when the body came in chunks
	s.uploads.done(header)
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge) && isUpload(header) && len(header.Peek(fiber.HeaderAuthorization)) == 0:
		s.refuse(ctx, errNoLogin)
	case errors.Is(err, fasthttp.ErrBodyTooLarge) && isUpload(header) && header.ContentLength() <= s.options.ModuleBytes:
		s.refuse(ctx, engine.Errorf(engine.CodeExhausted, "more than %d modules are being uploaded at once: try again", maxUploads))
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		s.refuse(ctx, engine.Errorf(engine.CodeTooLarge, "the body is larger than this route takes: the limit is %d bytes of JSON, or %d of a module",
			s.options.JSONBytes, s.options.ModuleBytes))
	case errors.As(err, new(*fasthttp.ErrSmallBuffer)):
		s.refuse(ctx, refusef(http.StatusRequestHeaderFieldsTooLarge, engine.CodeInvalid,
			"the request line and the headers are larger than %d bytes", s.options.HeaderBytes))
	case errors.As(err, &network) && network.Timeout():
		s.refuse(ctx, refusef(http.StatusRequestTimeout, engine.CodeDeadline, "the request did not arrive in time"))
	default:
		s.refuse(ctx, engine.Errorf(engine.CodeInvalid, "this is no HTTP request that the server understands"))
	}
}

func begin(ctx *fasthttp.RequestCtx) *exchange {
	x := &exchange{id: requestID(ctx.Request.Header.Peek(fiber.HeaderXRequestID)), start: time.Now(), route: "none"}
	ctx.SetUserValue(exchangeKey{}, x)
	decorate(ctx, x)
	return x
}

// decorate sets the headers of every answer.
func decorate(ctx *fasthttp.RequestCtx, x *exchange) {
	h := &ctx.Response.Header
	h.Set(fiber.HeaderXRequestID, x.id)
	h.Set(fiber.HeaderCacheControl, "no-store")
	h.Set(fiber.HeaderXContentTypeOptions, "nosniff")
}

// end writes the line in the log. It holds no header, no query and no body:
// secrets travel there.
func (s *Server) end(ctx *fasthttp.RequestCtx, x *exchange) {
	took := time.Since(x.start)
	status := ctx.Response.StatusCode()
	method := string(ctx.Method())
	if !slices.Contains(fiber.DefaultMethods, method) {
		method = "other"
	}
	size := 0 // of a stream it is not known yet
	if !ctx.Response.IsBodyStream() {
		size = len(ctx.Response.Body())
	}
	s.metrics.observe(method, x.route, status, took)
	s.log.LogAttrs(ctx, slog.LevelInfo, "request",
		slog.String("method", method),
		slog.String("route", x.route),
		slog.String("path", string(targetPath(ctx.RequestURI()))),
		slog.Int("status", status),
		slog.Duration("duration", took),
		slog.Int("bytes", size),
		slog.String("user", string(x.user)),
		slog.String("requestId", x.id),
		slog.String("remote", ctx.RemoteAddr().String()),
	)
}

const maxRequestIDBytes = 128

// requestID takes the caller's id if it is safe to repeat, or makes one.
func requestID(given []byte) string {
	safe := func(b byte) bool {
		return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '.' || b == '_' || b == '-'
	}
	if len(given) == 0 || len(given) > maxRequestIDBytes || slices.ContainsFunc(given, func(b byte) bool { return !safe(b) }) {
		return uuid.Must(uuid.NewV7()).String()
	}
	return string(given)
}
