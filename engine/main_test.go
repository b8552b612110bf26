package engine_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// How long a test waits for what happens in the background.
const (
	soon = 10 * time.Second
	tick = 5 * time.Millisecond
	hour = time.Hour
)

var admin = engine.Caller{Tenant: engine.DefaultTenant, User: "admin", RequestID: "req-1"}

// world is an engine over a memory store, with a runtime whose modules are
// scripted by the test.
type world struct {
	*engine.Engine
	t       *testing.T
	store   engine.Store
	runtime *scriptedRuntime
	mu      sync.Mutex
	now     time.Time
	stop    func() // of runs
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, enginetest.NewMemoryStore())
}

func newWorldOn(t *testing.T, store engine.Store, change ...func(*engine.Options)) *world {
	t.Helper()
	w := &world{t: t, store: store, runtime: newScriptedRuntime(), now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	o := engine.Options{
		Store: store, Builtins: builtin.Services(), Runtime: w.runtime,
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.now
		},
	}
	for _, c := range change {
		c(&o)
	}
	w.Engine = engine.New(o)
	t.Cleanup(w.Close)
	return w
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// runs starts the engine's background work until the test ends.
func (w *world) runs() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(w.t, <-done)
	})
	w.t.Cleanup(w.stop)
}

func (w *world) app(service engine.ServiceName) engine.ApplicationID {
	w.t.Helper()
	app, err := w.CreateApplication(w.t.Context(), admin, engine.ApplicationSpec{Name: uuid.NewString(), Service: service})
	require.NoError(w.t, err)
	return app.ID
}

func (w *world) provision(app engine.ApplicationID, body string) engine.CredentialsID {
	w.t.Helper()
	out, err := w.Provision(w.t.Context(), admin, app, engine.ProvisionRequest{Body: []byte(body)})
	require.NoError(w.t, err)
	return out.Credentials.ID
}

func (w *world) verify(app engine.ApplicationID, id engine.CredentialsID, endpoint engine.EndpointID) engine.Verdict {
	w.t.Helper()
	v, err := w.Verify(w.t.Context(), admin, app, engine.VerifyRequest{CredentialsID: id, EndpointID: endpoint})
	require.NoError(w.t, err)
	return v
}

// deploy uploads a scripted module and deploys it under a name.
func (w *world) deploy(name engine.ServiceName, script *script) {
	w.t.Helper()
	_, err := w.DeployService(w.t.Context(), admin, name, engine.ServiceSpec{Module: w.upload(script)}, engine.DeployOptions{})
	require.NoError(w.t, err)
}

func (w *world) upload(script *script) engine.Digest {
	w.t.Helper()
	out, err := w.UploadModule(w.t.Context(), admin, w.runtime.add(script))
	require.NoError(w.t, err)
	return out.Module.Digest
}

func requireCode(t *testing.T, code engine.Code, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, code, engine.CodeOf(err), "%v", err)
}
