package wasmhost

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

// Whichever side of its deadline a provision ends on: what it wrote is there if
// and only if it was answered (case C8).
func TestACallAtItsDeadlineHasOneOutcome(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{ProvideTimeout: 10 * time.Millisecond, HostCalls: 1 << 20}})
	outcomes := map[engine.Code]int{}
	for n := range 40 {
		service := engine.ServiceName(fmt.Sprint("straddle", n)) // each with a breaker of its own
		w.deploy(service, wattest.Module(t, "straddle"), engine.ServiceSpec{})
		app := w.app(service)
		err := w.provision(app, "x")
		outcomes[engine.CodeOf(err)]++
		_, after := w.lookup(app, "x")
		if err == nil {
			require.NoError(t, after)
			continue
		}
		requireCode(t, engine.CodeDeadline, err)
		requireCode(t, engine.CodeNotFound, after)
	}
	t.Log(outcomes)
}

// Two starts of three fail: each call gets an answer or an incident, and never
// half an instance (case B7).
func TestAFlakyStartIsAnsweredOrRefused(t *testing.T) {
	w := newWorld(t, Options{})
	s := w.serving("init-flaky")
	app := &engine.Application{ID: "app"}
	answered, refused := 0, 0
	for answered == 0 || refused == 0 {
		switch err := w.call(s, app, lookup); engine.CodeOf(err) {
		case engine.CodeNotFound:
			answered++
			app = &engine.Application{ID: engine.ApplicationID(fmt.Sprint("app", answered))} // a fresh start
		case engine.CodeModuleFault:
			refused++
			requireIncident(t, w, err)
		default:
			t.Fatal(err)
		}
		require.Less(t, answered+refused, 100)
	}
}

// panicking is a store that panics in the middle of a read, when it is told to.
type panicking struct {
	engine.Store
	armed atomic.Bool
}

func (p *panicking) Read(ctx context.Context, at engine.Consistency, keys ...string) (engine.Snapshot, error) {
	for _, key := range keys {
		if len(key) > 3 && key[:3] == "kv/" && p.armed.Load() {
			panic("a defect of the host")
		}
	}
	return p.Store.Read(ctx, at, keys...)
}

// A defect in a host function ends the call and not the process, and leaves
// neither a lock nor a place behind (case H2).
func TestADefectOfTheHostEndsTheCallOnly(t *testing.T) {
	store := &panicking{Store: enginetest.NewMemoryStore()}
	w := newWorldOn(t, store, Options{Limits: Limits{Concurrency: 1}})
	app := w.serves("kv-echo")
	flaky := w.serving("log-flood")
	store.armed.Store(true)
	for range 3 {
		_, err := w.lookup(app, "x")
		require.Error(t, err)
	}
	store.armed.Store(false)
	_, err := w.lookup(app, "x")
	requireCode(t, engine.CodeNotFound, err)

	// The log's clock is asked with the log's lock held.
	flaky.guestLog.now = func() time.Time { panic("a defect of the host") }
	require.Error(t, w.call(flaky, &engine.Application{ID: "a"}, lookup))
	flaky.guestLog.now = time.Now
	requireCode(t, engine.CodeNotFound, w.call(flaky, &engine.Application{ID: "a"}, lookup))
	require.Zero(t, w.runtime.turns.running.Load())
}

// Requests that are given up at any moment, thousands in a second, leave
// nothing behind and are nobody's fault (case H3).
func TestAStormOfRequestsThatAreGivenUp(t *testing.T) {
	w := newWorld(t, Options{})
	service := w.serving("kv-echo").name
	app := w.app(service)
	require.NoError(t, w.provision(app, "x"))
	before := runtime.NumGoroutine()
	var group sync.WaitGroup
	var calls atomic.Int32
	end := time.Now().Add(time.Second)
	for range 16 {
		group.Go(func() {
			for time.Now().Before(end) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(60))*time.Microsecond)
				_, _ = w.Credentials(ctx, admin, app, "x")
				cancel()
				calls.Add(1)
			}
		})
	}
	group.Wait()
	t.Log(calls.Load(), "calls in a second")
	requireGoroutines(t, before)
	require.Zero(t, w.runtime.turns.running.Load())
	_, err := w.lookup(app, "x")
	require.NoError(t, err)
	s, err := w.Service(t.Context(), service)
	require.NoError(t, err)
	require.Zero(t, s.Health.Faults)
}

// Modules are told a time that jumps by years; deadlines do not (case H12).
func TestAClockThatJumpsMovesNoDeadline(t *testing.T) {
	var years atomic.Int64
	w := newWorld(t, Options{
		Limits: Limits{CallTimeout: 50 * time.Millisecond},
		Now: func() time.Time {
			if years.Add(1)%2 == 0 {
				return time.Now().AddDate(-30, 0, 0)
			}
			return time.Now().AddDate(30, 0, 0)
		},
	})
	sleepy, busy := w.serving("wasi-sleep"), w.serving("spin")
	for range 3 {
		for _, s := range []*service{sleepy, busy} {
			began := time.Now()
			requireCode(t, engine.CodeDeadline, w.call(s, &engine.Application{ID: "a"}, lookup))
			require.Less(t, time.Since(began), soon)
		}
	}
}

// A thousand uploads and starts of the same module store it once and compile it
// once (case H8).
func TestTheSameModuleAgainAndAgain(t *testing.T) {
	var compiled atomic.Int32
	compile := compilerOf(asCompiler)
	w := newWorld(t, Options{CacheDir: t.TempDir(), Compiler: func(ctx context.Context, module []byte, pages uint32, dir string) error {
		compiled.Add(1)
		return compile(ctx, module, pages, dir)
	}})
	wasm := tiny(t)
	var created atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 125 {
				out, err := w.UploadModule(t.Context(), admin, wasm)
				if err != nil {
					t.Error(err)
					return
				}
				if out.Created {
					created.Add(1)
				}
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 1, created.Load())
	for n := range 8 {
		w.deploy(engine.ServiceName(fmt.Sprint("s", n)), wasm, engine.ServiceSpec{})
	}
	require.EqualValues(t, 1, compiled.Load())
	require.Len(t, w.runtime.codes.all, 1)
}
