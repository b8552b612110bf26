package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/credence-engine/credence/engine"
)

// Version says what is running; GET /version shows it.
type Version struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitzero"`
	Built   string `json:"built,omitzero"` // RFC 3339
	Go      string `json:"go,omitzero"`
}

// Options are what a [Server] is made of. A duration or a size of 0 takes the
// default that is named with it.
type Options struct {
	Engine *engine.Engine
	// Ready says whether this node can serve; nil always can. The message of
	// an *engine.Error is shown to whoever asks.
	Ready   func(context.Context) error
	Log     *slog.Logger // nil: none
	Version Version
	TLS     *tls.Config // nil: plain HTTP
	Gauges  []Gauge     // further values for GET /metrics

	RequestTimeout  time.Duration // for one request to be answered: 10 s
	DeployTimeout   time.Duration // the same for what compiles a module: 60 s
	ReadTimeout     time.Duration // for one request to arrive: 30 s
	WriteTimeout    time.Duration // for one answer to leave: 30 s
	IdleTimeout     time.Duration // between two requests of a connection: 120 s
	ShutdownTimeout time.Duration // for requests in flight to finish: 8 s
	Heartbeat       time.Duration // between two signs of life of a quiet stream of events: 15 s

	MaxInFlight int // requests in flight, but for those that take rights away or ask how the node is: 256
	JSONBytes   int // of a JSON body: 256 KiB
	ModuleBytes int // of an uploaded module: 32 MiB
	HeaderBytes int // of the request line and the headers: 16 KiB
}

func (o Options) withDefaults() Options {
	for value, usual := range map[*time.Duration]time.Duration{
		&o.RequestTimeout: 10 * time.Second, &o.DeployTimeout: time.Minute,
		&o.ReadTimeout: 30 * time.Second, &o.WriteTimeout: 30 * time.Second,
		&o.IdleTimeout: 2 * time.Minute, &o.ShutdownTimeout: 8 * time.Second,
		&o.Heartbeat: 15 * time.Second,
	} {
		if *value == 0 {
			*value = usual
		}
	}
	for value, usual := range map[*int]int{
		&o.MaxInFlight: 256, &o.JSONBytes: 256 << 10, &o.ModuleBytes: 32 << 20, &o.HeaderBytes: 16 << 10,
	} {
		if *value == 0 {
			*value = usual
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Ready == nil {
		o.Ready = func(context.Context) error { return nil }
	}
	return o
}

// Server answers the REST API. It serves once: make a new one to serve again.
type Server struct {
	options  Options
	engine   *engine.Engine
	log      *slog.Logger
	logins   *logins
	uploads  *uploads
	metrics  *metrics
	inFlight atomic.Int64 // requests that count
	router   fasthttp.RequestHandler
	http     *fasthttp.Server
	abandon  context.CancelFunc // ends all requests in flight
	// streaming is done when streams of events have to end.
	streaming  context.Context //nolint:containedctx // the life of the server
	endStreams context.CancelFunc
}

// New makes a server; Run serves.
func New(o Options) *Server {
	o = o.withDefaults()
	inflight, abandon := context.WithCancel(context.Background())
	s := &Server{
		options: o, engine: o.Engine, log: o.Log,
		logins: newLogins(o.Engine), uploads: newUploads(), metrics: newMetrics(o.Gauges, faults{o.Engine.Faults}, eventStreams{o.Engine.EventStreams}), abandon: abandon,
	}
	s.streaming, s.endStreams = context.WithCancel(inflight)
	app := fiber.New(fiber.Config{
		Immutable:             true, // strings outlive the request: see RATIONALE.md
		CaseSensitive:         true,
		StrictRouting:         true,
		DisableStartupMessage: true,
		ErrorHandler: func(c *fiber.Ctx, err error) error {
			s.refuse(c.Context(), err)
			return nil
		},
	})
	for _, r := range s.routes() {
		s.mount(inflight, app, r)
	}
	s.router = app.Handler()
	s.http = &fasthttp.Server{
		Handler:        s.serve,
		ErrorHandler:   s.serveMalformed,
		HeaderReceived: s.limits,

		ReadTimeout:           o.ReadTimeout,
		WriteTimeout:          o.WriteTimeout,
		IdleTimeout:           o.IdleTimeout,
		ReadBufferSize:        o.HeaderBytes,
		MaxRequestBodySize:    o.JSONBytes,
		MaxIdleWorkerDuration: 100 * time.Millisecond, // how long its janitor outlives Run

		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		DisablePreParseMultipartForm: true,
		CloseOnShutdown:              true,
		SecureErrorLogMessage:        true,
		Logger:                       printf{o.Log},
	}
	return s
}

// Run serves connections from ln until ctx is done. Requests in flight then
// have the shutdown timeout to finish; what remains is cut off. All goroutines
// have ended when it returns, and ln is closed. It returns nil when ctx ended
// it and nothing had to be cut off.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	defer s.abandon()
	open := newConns(ln)
	defer func() { _ = open.Close() }()
	var listener net.Listener = open
	if s.options.TLS != nil {
		listener = tls.NewListener(open, s.options.TLS)
	}
	broken := make(chan error, 1)
	go func() { broken <- s.http.Serve(listener) }()
	select {
	case err := <-broken:
		if err == nil {
			err = errors.New("the listener was closed")
		}
		return errors.Join(fmt.Errorf("rest: cannot accept connections: %w", err), s.stop(open))
	case <-ctx.Done():
	}
	return errors.Join(s.stop(open), <-broken)
}

// stop lets requests finish, or else cuts them off.
func (s *Server) stop(open *conns) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.options.ShutdownTimeout)
	defer cancel()
	s.endStreams()
	_ = open.Close() // here too: the HTTP server closes nothing that it has not begun to serve
	open.closeUnused()
	cut := 0
	if s.http.ShutdownWithContext(ctx) != nil {
		cut = open.closeAll()
	}
	s.abandon()
	left := open.wait(time.Second)
	switch {
	case left > 0:
		return fmt.Errorf("rest: %d requests did not end within %s, and did not stop when told to", left, s.options.ShutdownTimeout)
	case cut > 0:
		return fmt.Errorf("rest: %d connections were cut off, their requests took more than %s to finish", cut, s.options.ShutdownTimeout)
	}
	return nil
}

// printf gives fasthttp's own messages to the log. They hold no headers or
// bodies (SecureErrorLogMessage).
type printf struct{ log *slog.Logger }

func (p printf) Printf(format string, args ...any) {
	p.log.Warn("http connection", "message", fmt.Sprintf(format, args...))
}
