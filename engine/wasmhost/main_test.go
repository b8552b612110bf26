package wasmhost

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wasmbin"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
	"github.com/credence-engine/credence/wasmabi"
)

// compiled is a folder for compiled code that the tests of one run share:
// compiling the Go guest takes long.
var compiled string

func TestMain(m *testing.M) {
	actAs()
	var err error
	if compiled, err = os.MkdirTemp("", "compiled"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(compiled)
		os.Exit(code)
	}))
}

var admin = engine.Caller{Tenant: engine.DefaultTenant, User: "admin", RequestID: "req-1"}

// untried is a runtime that starts what would not pass the trial, so that
// hostile modules get to serve.
type untried struct {
	*Runtime
	mu      sync.Mutex
	started map[engine.ServiceName]*service // the last of each name
}

func (u *untried) Start(ctx context.Context, s engine.Service, fetch func(context.Context) ([]byte, error)) (engine.RunningService, error) {
	started, err := u.prepare(ctx, s, fetch)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.started[s.Name] = started
	return started.offered(), nil
}

func (u *untried) service(name engine.ServiceName) *service {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.started[name]
}

// idle returns the instances of a service that wait for a call.
func (u *untried) idle(name engine.ServiceName) []*instance {
	s := u.service(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*instance
	for _, p := range s.pools {
		all = append(all, p.idle...)
	}
	return all
}

// world is an engine over a memory store whose custom services are modules.
type world struct {
	*engine.Engine
	t       testing.TB
	runtime *untried
	log     *logBuffer
	units   *units
}

func newWorld(tb testing.TB, o Options) *world {
	tb.Helper()
	return newWorldOn(tb, enginetest.NewMemoryStore(), o)
}

func newWorldOn(tb testing.TB, store engine.Store, o Options) *world {
	tb.Helper()
	w := &world{t: tb, log: &logBuffer{}}
	if o.Log == nil {
		o.Log = w.log.logger()
	}
	w.runtime = &untried{Runtime: newRuntime(tb, o), started: map[engine.ServiceName]*service{}}
	w.units = &units{}
	builtins := builtin.Services()
	builtins[unitService] = w.units
	w.Engine = engine.New(engine.Options{Store: store, Builtins: builtins, Runtime: w.runtime, Log: o.Log})
	tb.Cleanup(w.Close)
	w.units.open = func(tb testing.TB) {
		tb.Helper()
		_, _ = w.in(tb).lookup(w.units.app(w.in(tb)), "unit")
	}
	return w
}

// in returns the same world for a subtest.
func (w *world) in(tb testing.TB) *world {
	tb.Helper()
	return &world{Engine: w.Engine, t: tb, runtime: w.runtime, log: w.log, units: w.units}
}

// call calls a method of a service in a unit of work of its own, with the id "x" and the body "b".
func (w *world) call(s *service, app *engine.Application, m method) error {
	return w.units.work(w.t, func(ctx context.Context, tx *engine.Tx) (err error) {
		switch m {
		case provide:
			_, err = s.Provide(ctx, tx, app, engine.Credentials{ID: "x", Body: []byte("b"), Status: engine.Available})
		case markInUse:
			err = s.MarkInUse(ctx, tx, app, "x")
		case markRevoked:
			err = s.MarkRevoked(ctx, tx, app, "x")
		default:
			_, err = s.Lookup(ctx, tx, app, "x")
		}
		return err
	})
}

func newRuntime(tb testing.TB, o Options) *Runtime {
	tb.Helper()
	if raceDetector {
		o.Limits = patient(o.Limits)
	}
	o.Limits = o.Limits.orDefaults()
	r, err := New(context.Background(), o)
	require.NoError(tb, err)
	tb.Cleanup(r.Close)
	return r
}

// orDefaults replaces each limit of zero, so that a test says only those that it
// is about.
func (l Limits) orDefaults() Limits {
	d := DefaultLimits()
	return Limits{
		CallTimeout:        cmp.Or(l.CallTimeout, d.CallTimeout),
		ProvideTimeout:     cmp.Or(l.ProvideTimeout, d.ProvideTimeout),
		StartTimeout:       cmp.Or(l.StartTimeout, d.StartTimeout),
		MemoryPages:        cmp.Or(l.MemoryPages, d.MemoryPages),
		MemoryPagesCeiling: cmp.Or(l.MemoryPagesCeiling, d.MemoryPagesCeiling),
		Concurrency:        cmp.Or(l.Concurrency, d.Concurrency),
		Queue:              cmp.Or(l.Queue, d.Queue),
		QueueWait:          cmp.Or(l.QueueWait, d.QueueWait),
		HostCalls:          cmp.Or(l.HostCalls, d.HostCalls),
		KvCalls:            cmp.Or(l.KvCalls, d.KvCalls),
		RandomBytes:        cmp.Or(l.RandomBytes, d.RandomBytes),
		LogRecords:         cmp.Or(l.LogRecords, d.LogRecords),
		HTTPCalls:          cmp.Or(l.HTTPCalls, d.HTTPCalls),
		CryptoBytes:        cmp.Or(l.CryptoBytes, d.CryptoBytes),
		SingleUse:          l.SingleUse,
	}
}

// patient gives a call the time that it needs under the race detector, on a
// machine that others use too. Tests of deadlines set their own.
func patient(l Limits) Limits {
	for _, d := range []*time.Duration{&l.CallTimeout, &l.ProvideTimeout, &l.StartTimeout, &l.QueueWait} {
		if *d == 0 {
			*d = 10 * time.Second
		}
	}
	return l
}

// deploy makes a module serve under a name.
func (w *world) deploy(name engine.ServiceName, wasm []byte, spec engine.ServiceSpec) {
	w.t.Helper()
	require.NoError(w.t, w.tryDeploy(name, wasm, spec))
}

func (w *world) tryDeploy(name engine.ServiceName, wasm []byte, spec engine.ServiceSpec) error {
	m, err := w.UploadModule(w.t.Context(), admin, wasm)
	if err != nil {
		return err
	}
	spec.Module = m.Module.Digest
	_, err = w.DeployService(w.t.Context(), admin, name, spec, engine.DeployOptions{})
	return err
}

func (w *world) app(service engine.ServiceName) engine.ApplicationID {
	w.t.Helper()
	app, err := w.CreateApplication(w.t.Context(), admin, engine.ApplicationSpec{Name: uuid.NewString(), Service: service})
	require.NoError(w.t, err)
	return app.ID
}

// serving deploys a module of testdata.
func (w *world) serving(name string) *service {
	w.t.Helper()
	w.deploy(engine.ServiceName(name), wattest.Module(w.t, name), engine.ServiceSpec{})
	return w.runtime.service(engine.ServiceName(name))
}

// serves deploys a module of testdata and returns an application that uses it.
func (w *world) serves(name string) engine.ApplicationID {
	w.t.Helper()
	return w.app(w.serving(name).name)
}

func (w *world) lookup(app engine.ApplicationID, id engine.CredentialsID) (engine.Credentials, error) {
	return w.Credentials(w.t.Context(), admin, app, id)
}

func (w *world) verify(app engine.ApplicationID, id engine.CredentialsID) (engine.Verdict, error) {
	return w.Verify(w.t.Context(), admin, app, engine.VerifyRequest{CredentialsID: id, EndpointID: "endpoint"})
}

func (w *world) provision(app engine.ApplicationID, id engine.CredentialsID) error {
	_, err := w.Provision(w.t.Context(), admin, app, engine.ProvisionRequest{ID: id, Body: []byte("body")})
	return err
}

// fetch hands out a module.
func fetch(wasm []byte) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) { return wasm, nil }
}

// tiny is the smallest service.
func tiny(tb testing.TB) []byte {
	tb.Helper()
	return wattest.Module(tb, "tiny")
}

// withManifest packs a manifest into a module, in the place of its own.
func withManifest(tb testing.TB, wasm []byte, manifest string) []byte {
	tb.Helper()
	packed, err := wasmbin.AppendCustom(wasm, wasmabi.ManifestSection, []byte(manifest))
	require.NoError(tb, err)
	return packed
}

func requireCode(tb testing.TB, code engine.Code, err error) {
	tb.Helper()
	_ = failure(tb, code, err)
}

// failure requires an error of a code, and returns it.
func failure(tb testing.TB, code engine.Code, err error) *engine.Error {
	tb.Helper()
	require.Error(tb, err)
	require.Equal(tb, code, engine.CodeOf(err), "%v", err)
	var e *engine.Error
	require.ErrorAs(tb, err, &e)
	return e
}

// logBuffer collects log records as text.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// lines returns the records that contain all the given parts.
func (b *logBuffer) lines(parts ...string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []string
next:
	for line := range strings.Lines(b.text.String()) {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}
