package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

// A start goes on when the request that needs it is given up. Close waits for
// it, since the runtime is closed next, and leaves nothing of it.
func TestCloseWaitsForWhatIsStarting(t *testing.T) {
	other := newWorld(t)
	other.deploy("NEW", &script{text: "module", lookup: always(engine.Available)})
	app := other.app("NEW")

	w := newWorldOn(t, other.store)
	entered, release := make(chan struct{}), make(chan struct{})
	here := &script{text: "module", lookup: always(engine.Available), onStart: func(int32) { close(entered); <-release }}
	w.runtime.add(here)
	request, giveUp := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() {
		_, err := w.Verify(request, admin, app, engine.VerifyRequest{CredentialsID: "id"})
		answered <- err
	}()
	<-entered
	giveUp()
	requireCode(t, engine.CodeUnavailable, <-answered)

	closed := make(chan struct{})
	go func() { w.Close(); close(closed) }()
	select {
	case <-closed:
		t.Fatal("closed while a module is starting")
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	<-closed
	require.EqualValues(t, 1, here.started.Load())
	require.EqualValues(t, 1, here.closed.Load())
	_, err := w.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: "id"})
	requireCode(t, engine.CodeUnavailable, err)
}
