package wasmhost

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

// canary answers with the application that its instance saw first.
func TestAnInstanceNeverServesTwoApplications(t *testing.T) {
	w := newWorld(t, Options{})
	w.deploy("canary", wattest.Module(t, "canary"), engine.ServiceSpec{})
	var wg sync.WaitGroup
	for range 4 {
		app := w.app("canary")
		for range 3 {
			wg.Go(func() {
				for range 50 {
					c, err := w.lookup(app, "x")
					if err != nil || string(c.Body) != string(app) {
						t.Errorf("application %s was answered %q, %v", app, c.Body, err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
}

func TestStateIsOfOneServiceAndOneApplication(t *testing.T) {
	w := newWorld(t, Options{})
	wasm := wattest.Module(t, "kv-echo")
	w.deploy("first", wasm, engine.ServiceSpec{})
	w.deploy("second", wasm, engine.ServiceSpec{})
	app := w.app("first")
	require.NoError(t, w.provision(app, "id"))
	_, err := w.lookup(w.app("first"), "id")
	requireCode(t, engine.CodeNotFound, err)
	second := engine.ServiceName("second")
	_, err = w.UpdateApplication(t.Context(), admin, app, engine.ApplicationPatch{Service: &second}, 0)
	require.NoError(t, err)
	_, err = w.lookup(app, "id")
	requireCode(t, engine.CodeNotFound, err)
}

// The first commit of an operation with state meets a conflict: the engine
// runs it again, on an instance that has not seen what no longer holds.
func TestAConflictRunsTheOperationAgain(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	w := newWorldOn(t, store, Options{})
	app := w.serves("kv-echo")
	var once sync.Once
	store.Inject(enginetest.Hooks{Commit: func(engine.Commit) (f enginetest.Fault) {
		once.Do(func() { f.Before = engine.ErrConflict })
		return f
	}})
	require.NoError(t, w.provision(app, "id"))
	c, err := w.lookup(app, "id")
	require.NoError(t, err)
	require.Equal(t, "body", string(c.Body))
}

func TestAConflictWithinACallComesOutUnchangedAndEndsTheInstance(t *testing.T) {
	w := newWorld(t, Options{})
	w.deploy("kv-echo", wattest.Module(t, "kv-echo"), engine.ServiceSpec{})
	s := w.runtime.service("kv-echo")
	config, err := configure(nil, nil)
	require.NoError(t, err)
	i, err := s.start(t.Context(), config, subject{})
	require.NoError(t, err)
	defer i.close()
	o := operation{method: lookup, asked: engine.Credentials{ID: "x"}}
	i.call.state = failingState{err: engine.ErrConflict}
	err = i.serve(t.Context(), nil, &o, subject{application: "app"}, time.Now())
	require.ErrorIs(t, err, engine.ErrConflict)
	require.True(t, i.broken)
	require.Equal(t, engine.ErrConflict, s.undecided(err, "", subject{}), "the engine compares it")
}

func TestAFailingStoreIsNoFaultOfTheModule(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	w := newWorldOn(t, store, Options{})
	app := w.serves("kv-echo")
	away := engine.Errorf(engine.CodeUnavailable, "the store is away")
	store.Inject(enginetest.Hooks{Read: func(keys []string) (f enginetest.Fault) {
		if len(keys) == 1 && keys[0] == fmt.Sprintf("kv/%s/kv-echo/id", app) {
			f.Before = away
		}
		return f
	}})
	_, err := w.lookup(app, "id")
	require.ErrorIs(t, err, away)
	require.Empty(t, w.log.lines("a module failed"))
	store.Inject(enginetest.Hooks{})
	_, err = w.lookup(app, "id")
	requireCode(t, engine.CodeNotFound, err)
}

func TestAStoreThatHangsEndsAtTheDeadlineOfTheCall(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	w := newWorldOn(t, store, Options{Limits: Limits{CallTimeout: 50 * time.Millisecond}})
	app := w.serves("kv-echo")
	store.Inject(enginetest.Hooks{Read: func(keys []string) (f enginetest.Fault) {
		if len(keys) == 1 && keys[0] == fmt.Sprintf("kv/%s/kv-echo/id", app) {
			f.Delay = time.Hour
		}
		return f
	}})
	began := time.Now()
	_, err := w.lookup(app, "id")
	requireCode(t, engine.CodeDeadline, err)
	require.Less(t, time.Since(began), soon)
}

func TestARequestThatIsGivenUpEndsItsCall(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{CallTimeout: time.Hour}})
	for name, code := range map[string]engine.Code{"spin": engine.CodeUnavailable, "wasi-sleep": engine.CodeUnavailable} {
		app := w.serves(name)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		began := time.Now()
		_, err := w.Credentials(ctx, admin, app, "x")
		requireCode(t, code, err)
		require.Less(t, time.Since(began), soon)
		require.Empty(t, w.runtime.idle(engine.ServiceName(name)))
	}
	require.Empty(t, w.log.lines("a module failed"), "nobody is at fault")

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := w.Credentials(ctx, admin, w.serves("recurse-exponential"), "x")
	requireCode(t, engine.CodeDeadline, err)
}

func TestCallsBeyondThePlacesWaitAndThenAreRefused(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{CallTimeout: 600 * time.Millisecond, Concurrency: 1, Queue: 1, QueueWait: 50 * time.Millisecond}})
	app := w.serves("wasi-sleep")
	other := w.app("wasi-sleep")
	const calls = 4
	errs := make(chan error, calls)
	for range calls {
		go func() { _, err := w.lookup(app, "x"); errs <- err }()
	}
	began := time.Now()
	for range calls - 1 {
		e := failure(t, engine.CodeExhausted, <-errs)
		require.Contains(t, e.Message, "1 calls of this application's credentials service run already")
	}
	require.Less(t, time.Since(began), 600*time.Millisecond, "they did not wait for the call to end")
	_, err := w.lookup(other, "x")
	requireCode(t, engine.CodeDeadline, err) // had a place of its own
	requireCode(t, engine.CodeDeadline, <-errs)
}

func TestTheLineKeepsItsOrderAndItsLength(t *testing.T) {
	g := gate{limits: &Limits{Concurrency: 1, Queue: 2, QueueWait: time.Hour}}
	require.True(t, g.pass())
	require.False(t, g.pass())
	first, err := g.line()
	require.NoError(t, err)
	second, err := g.line()
	require.NoError(t, err)
	_, err = g.line()
	requireCode(t, engine.CodeExhausted, err)

	g.leave()
	require.NoError(t, g.await(t.Context(), first))
	require.True(t, g.quit(first), "the place was given")
	require.False(t, g.pass())
	require.False(t, g.quit(second), "the place was not given")
	g.leave()
	require.True(t, g.pass(), "nobody waits any more")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	turn, err := g.line()
	require.NoError(t, err)
	requireCode(t, engine.CodeUnavailable, g.await(ctx, turn))

	g.limits = &Limits{Concurrency: 1}
	g.waiting = nil
	_, err = g.line()
	requireCode(t, engine.CodeExhausted, err)
}

func TestManyCallsAtOnceShareFewInstances(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{Concurrency: 4, Queue: 1000, QueueWait: soon}})
	app := w.serves("kv-echo")
	require.NoError(t, w.provision(app, "id"))
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 20 {
				if _, err := w.lookup(app, "id"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, len(w.runtime.idle("kv-echo")), 4)
}

func TestACallInFlightFinishesOnTheOldModule(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{CallTimeout: 300 * time.Millisecond}})
	w.deploy("custom", wattest.Module(t, "wasi-sleep"), engine.ServiceSpec{})
	app := w.app("custom")
	old := w.runtime.service("custom")
	done := make(chan error, 1)
	go func() { _, err := w.lookup(app, "x"); done <- err }()
	require.Eventually(t, func() bool { return old.inFlight() == 1 }, soon, time.Millisecond)
	w.deploy("custom", tiny(t), engine.ServiceSpec{})
	c, err := w.lookup(app, "x")
	require.NoError(t, err)
	require.Equal(t, "fixed", string(c.Body))
	requireCode(t, engine.CodeDeadline, <-done)
	require.Eventually(t, func() bool { return old.inFlight() == 0 && old.closedAndEmpty() }, soon, time.Millisecond)
}

func TestCloseWaitsForCallsInFlight(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{CallTimeout: 200 * time.Millisecond}})
	app := w.serves("wasi-sleep")
	s := w.runtime.service("wasi-sleep")
	var ended time.Time
	done := make(chan error, 1)
	go func() { _, err := w.lookup(app, "x"); ended = time.Now(); done <- err }()
	require.Eventually(t, func() bool { return s.inFlight() == 1 }, soon, time.Millisecond)
	s.Close()
	closed := time.Now()
	requireCode(t, engine.CodeDeadline, <-done)
	require.WithinDuration(t, ended, closed, soon)
	require.True(t, s.closedAndEmpty())
	require.Zero(t, s.inFlight())
	_, err := w.lookup(app, "x")
	requireCode(t, engine.CodeUnavailable, err)
	requireCode(t, engine.CodeUnavailable, s.CheckConfig(t.Context(), &engine.Application{}))
	s.Close() // again changes nothing
}

func (s *service) inFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, p := range s.pools {
		n += p.users
	}
	return n
}

func (s *service) closedAndEmpty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed && s.pools == nil
}

func TestInstancesAreReplacedInTime(t *testing.T) {
	w := newWorld(t, Options{})
	app := w.serves("kv-echo")
	_, _ = w.lookup(app, "x")
	for name, age := range map[string]func(i *instance){
		"many calls":  func(i *instance) { i.served = maxServed },
		"old":         func(i *instance) { i.born = i.born.Add(-maxAge - time.Second) },
		"grown":       func(i *instance) { i.module.Memory().Grow(130) },
		"broken once": func(i *instance) { i.broken = true },
	} {
		before := w.runtime.idle("kv-echo")
		require.Len(t, before, 1)
		require.False(t, before[0].spent(time.Now()))
		age(before[0])
		_, err := w.lookup(app, "x")
		requireCode(t, engine.CodeNotFound, err)
		after := w.runtime.idle("kv-echo")
		require.Len(t, after, 1)
		require.NotSame(t, before[0], after[0], name)
	}
}

func TestIdlePoolsAreSweptAndForgotten(t *testing.T) {
	w := newWorld(t, Options{})
	app := w.serves("kv-echo")
	_, _ = w.lookup(app, "x")
	s := w.runtime.service("kv-echo")
	for _, i := range w.runtime.idle("kv-echo") {
		i.born = i.born.Add(-maxAge - time.Second)
	}
	s.mu.Lock()
	s.swept = s.swept.Add(-2 * sweepEvery)
	s.mu.Unlock()
	_, _ = w.lookup(w.app("kv-echo"), "x")
	s.mu.Lock()
	defer s.mu.Unlock()
	require.NotContains(t, s.pools, app)
	require.Len(t, s.pools, 1)
}

func TestAnApplicationsConfigurationIsLaidOverThatOfTheService(t *testing.T) {
	w := newWorld(t, Options{CacheDir: compiled})
	w.deploy("full", goGuest(t), engine.ServiceSpec{Config: []byte(`{"prefix":"a/"}`)})
	app := w.app("full")
	require.NoError(t, w.provision(app, "id"))
	configured := func(config string) error {
		raw := json.RawMessage(config)
		_, err := w.UpdateApplication(t.Context(), admin, app, engine.ApplicationPatch{ServiceConfig: &raw}, 0)
		return err
	}
	require.NoError(t, configured(`{"prefix":"b/"}`))
	_, err := w.lookup(app, "id")
	requireCode(t, engine.CodeNotFound, err)
	require.NoError(t, configured(`{"quota":1}`))
	_, err = w.lookup(app, "id")
	require.NoError(t, err)

	e := failure(t, engine.CodeInvalid, configured(`{"prefix":7}`))
	require.Equal(t, "/serviceConfig", e.Field)
	require.Contains(t, e.Message, "refused its configuration")
	require.Contains(t, e.Message, "cannot unmarshal")
	_, err = w.lookup(app, "id")
	require.NoError(t, err)
}
