package wasmhost

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
	"github.com/credence-engine/credence/wasmabi"
)

// A lookup allocates the body that it returns, and nothing else that would
// grow with the calls.
func TestALookupAllocatesItsAnswerAlone(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	w := newWorld(t, Options{})
	for name, spec := range map[engine.ServiceName]engine.ServiceSpec{"pooled": {}, "single": singleUse} {
		w.deploy(name, tiny(t), spec)
		s, app := w.runtime.service(name), &engine.Application{ID: "application"}
		require.NoError(t, w.units.work(t, func(ctx context.Context, tx *engine.Tx) error {
			allocations := testing.AllocsPerRun(5000, func() {
				if _, err := s.Lookup(ctx, tx, app, askedID); err != nil {
					t.Error(err)
				}
			})
			require.LessOrEqual(t, allocations, 1.0, name)
			return nil
		}))
	}
}

// What one read of kv adds to a lookup, as its share of one without. The value
// is in the unit of work already, so this is the way through the host.
func BenchmarkKvRead(b *testing.B) {
	w := newWorld(b, Options{})
	w.deploy("kv", wattest.Module(b, "kv-echo"), engine.ServiceSpec{})
	w.deploy("tiny", tiny(b), engine.ServiceSpec{})
	require.NoError(b, w.units.work(b, func(ctx context.Context, tx *engine.Tx) error {
		s, app := w.runtime.service("kv"), &engine.Application{ID: "application-kv"}
		if _, err := s.Provide(ctx, tx, app, engine.Credentials{ID: askedID, Body: []byte("fixed"), Status: engine.Available}); err != nil {
			return err
		}
		versus(b, "x-without", w.asking(ctx, b, tx, "kv", askedID), w.asking(ctx, b, tx, "tiny", askedID))
		return nil
	}))
}

// 64 callers on two processors, through the whole engine on a store in memory;
// the reference is the native service.
func BenchmarkThroughput(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for _, guest := range []string{"c", "go"} {
		b.Run(guest, func(b *testing.B) {
			w := newWorld(b, Options{CacheDir: compiled, Limits: Limits{QueueWait: 5 * time.Second, CallTimeout: 5 * time.Second}})
			w.deploy("custom", wattest.Lookup(b, guest), engine.ServiceSpec{})
			custom, native := w.app("custom"), w.app(engine.Internal)
			require.NoError(b, w.provision(native, askedID))
			callers(b, w, custom) // which start instances
			b.SetParallelism(32)  // times the processors
			rate := func(app engine.ApplicationID) time.Duration {
				began := time.Now()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, err := w.Credentials(context.Background(), admin, app, askedID); err != nil {
							b.Error(err)
							return
						}
					}
				})
				return time.Since(began)
			}
			reference := rate(native)
			b.ResetTimer()
			took := rate(custom)
			b.ReportMetric(float64(took)/float64(reference), "x-internal")
			b.ReportMetric(float64(b.N)/took.Seconds(), "lookups/s")
		})
	}
}

// callers ask all at once, until each has been answered some times.
func callers(b *testing.B, w *world, app engine.ApplicationID) {
	b.Helper()
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 20 {
				if _, err := w.Credentials(context.Background(), admin, app, askedID); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// The reference is wazero's instance of the same code, with _initialize and
// without a configuration.
func BenchmarkStartOfAnInstance(b *testing.B) {
	for name, wasm := range map[string][]byte{"kv-echo": wattest.Module(b, "kv-echo"), "go": goGuest(b)} {
		for how, limits := range map[string]string{"pooled": `{}`, "single-use": `{"singleUse":true}`} {
			b.Run(name+"/"+how, func(b *testing.B) {
				w := newWorld(b, Options{CacheDir: compiled})
				w.deploy("custom", wasm, engine.ServiceSpec{Config: []byte(`{}`), Limits: []byte(limits)})
				s := w.runtime.service("custom")
				config, err := configure([]byte(`{}`), nil)
				require.NoError(b, err)
				versus(b, "x-bare", func() {
					i, err := s.start(context.Background(), config, subject{})
					require.NoError(b, err)
					i.close()
				}, func() { bareStart(b, s, config) })
			})
		}
	}
}

func bareStart(b *testing.B, s *service, config *configuration) {
	b.Helper()
	c := call{limits: &s.limits, config: config, log: s.guestLog, now: time.Now}
	ctx := &callContext{context.Background(), &c}
	c.begin(context.Background(), nil, subject{}, time.Now().Add(time.Minute))
	module, err := s.runtime.wazero.InstantiateModule(ctx, s.code.compiled, instanceConfig)
	require.NoError(b, err)
	if f := module.ExportedFunction(wasmabi.ExportInitialize); f != nil {
		require.NoError(b, f.CallWithStack(ctx, nil))
	}
	require.NoError(b, module.Close(ctx))
}

// From the bytes of a Go module to its first answer, on one node, with nothing
// compiled before.
func BenchmarkDeployOfAGoModule(b *testing.B) {
	wasm := goGuest(b)
	for n := range b.N {
		b.StopTimer()
		w := newWorld(b, Options{CacheDir: b.TempDir()})
		name := engine.ServiceName(fmt.Sprint("custom-", n))
		app := w.app(engine.Internal)
		b.StartTimer()
		w.deploy(name, wasm, engine.ServiceSpec{Config: []byte(`{}`)})
		_, err := w.UpdateApplication(b.Context(), admin, app, engine.ApplicationPatch{Service: &name}, 0)
		require.NoError(b, err)
		if _, err := w.lookup(app, "id"); engine.CodeOf(err) != engine.CodeNotFound {
			b.Fatal(err)
		}
	}
}
