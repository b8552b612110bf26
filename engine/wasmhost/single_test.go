package wasmhost

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/linear"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

var singleUse = engine.ServiceSpec{Limits: []byte(`{"singleUse":true}`)}

func TestAnOrdinaryInstanceRemembers(t *testing.T) {
	w := newWorld(t, Options{})
	for name, fresh := range map[string]string{"secret": "\x00\x00\x00\x00", "secret-table": "\x00\x00"} {
		app := w.serves(name)
		first, err := w.lookup(app, "x")
		require.NoError(t, err)
		require.Equal(t, fresh, string(first.Body))
		second, err := w.lookup(app, "x")
		require.NoError(t, err)
		require.NotEqual(t, fresh, string(second.Body), "then the other tests show nothing")
	}
}

func TestForSingleUseNothingIsLeftOfAnEarlierCall(t *testing.T) {
	asks := `{"abi":1,"name":"s","version":"1","limits":{"singleUse":true}}`
	for name, places := range map[string]int{"secret": 4, "secret-table": 2} {
		for how, deploy := range map[string]func(*world){
			"the service says so": func(w *world) { w.deploy("custom", wattest.Module(t, name), singleUse) },
			"the manifest says so": func(w *world) {
				w.deploy("custom", withManifest(t, wattest.Module(t, name), asks), engine.ServiceSpec{})
			},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				w := newWorld(t, Options{})
				deploy(w)
				app := w.app("custom")
				var wg sync.WaitGroup
				for range 4 {
					wg.Go(func() {
						for range 50 {
							c, err := w.Credentials(t.Context(), admin, app, "x")
							if err != nil || !bytes.Equal(make([]byte, places), c.Body) {
								t.Errorf("%v, %v", c.Body, err)
								return
							}
						}
					})
				}
				wg.Wait()
				for _, i := range w.runtime.idle("custom") {
					require.False(t, i.past.tainted)
				}
				if name == "secret" && linear.CanRestore {
					require.NotEmpty(t, w.runtime.idle("custom"), "instances are used again")
				} else {
					require.Empty(t, w.runtime.idle("custom"))
				}
			})
		}
	}
}

// The Go guest's memory is searched for what an earlier call was asked, which
// its allocator and its buffers keep.
func TestForSingleUseAGoGuestKeepsNothing(t *testing.T) {
	if !linear.CanRestore {
		t.Skip("SKIPPED: each call has an instance of its own on this system")
	}
	secret := engine.CredentialsID("a-secret-that-occurs-nowhere-else-0123456789")
	kept := func(t *testing.T, spec engine.ServiceSpec) bool {
		w := newWorld(t, Options{CacheDir: compiled})
		w.deploy("go", wattest.GoModule(t, "benchguest"), spec)
		app := w.app("go")
		for n := range 3 {
			c, err := w.lookup(app, secret)
			require.NoError(t, err)
			require.Len(t, c.Body, 290)
			idle := w.runtime.idle("go")
			require.Len(t, idle, 1)
			require.Equal(t, n+1, idle[0].served)
		}
		i := w.runtime.idle("go")[0]
		memory, ok := i.module.Memory().Read(0, i.module.Memory().Size())
		require.True(t, ok)
		return bytes.Contains(memory, []byte(secret))
	}
	require.True(t, kept(t, engine.ServiceSpec{}), "then the test shows nothing")
	require.False(t, kept(t, singleUse))
}

func TestForSingleUseAllOutcomesAreTheSame(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{CallTimeout: 100 * time.Millisecond, SingleUse: true}})
	for name, methods := range outcomes {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			app := &engine.Application{ID: w.serves(name)}
			s := w.runtime.service(engine.ServiceName(name))
			for m, want := range methods {
				if want == skipped {
					continue
				}
				err := w.call(s, app, method(m))
				if want.code == "" {
					require.NoError(t, err)
				} else if !want.late || engine.CodeOf(err) != engine.CodeDeadline {
					requireCode(t, want.code, err)
				}
				for _, i := range w.runtime.idle(engine.ServiceName(name)) {
					require.False(t, i.past.tainted)
				}
			}
		})
	}
}

func TestAnInstanceThatCannotForgetIsThrownAway(t *testing.T) {
	w := newWorld(t, Options{})
	w.deploy("hungry", wattest.Module(t, "memory-hungry"), singleUse) // grows to its end
	app := w.app("hungry")
	for range 3 {
		c, err := w.lookup(app, "x")
		require.NoError(t, err)
		require.Equal(t, []byte{0, 1, 0, 0}, c.Body)
		require.Empty(t, w.runtime.idle("hungry"))
	}
}

func TestSingleUseCannotBeTakenBack(t *testing.T) {
	asks := withManifest(t, tiny(t), `{"abi":1,"name":"s","version":"1","limits":{"singleUse":true}}`)
	r := newRuntime(t, Options{})
	for limits, want := range map[string]bool{``: true, `{"singleUse":false}`: true, `{"singleUse":true}`: true} {
		s, err := r.prepare(t.Context(), engine.Service{Name: "s", Module: "m", Limits: []byte(limits)}, fetch(asks))
		require.NoError(t, err)
		require.Equal(t, want, s.limits.SingleUse)
		s.Close()
	}
	_, err := r.prepare(t.Context(), engine.Service{Name: "s", Module: "m", Limits: []byte(`{"singleUse":1}`)}, fetch(asks))
	requireCode(t, engine.CodeInvalid, err)
}

// Each is to be compared with the same module in ordinary use.
func BenchmarkSingleUse(b *testing.B) {
	for _, m := range []struct {
		name string
		wasm []byte
	}{{"c", wattest.Lookup(b, "c")}, {"go", wattest.Lookup(b, "go")}, {"fresh", wattest.Module(b, "secret-table")}} {
		b.Run(m.name, func(b *testing.B) {
			w := newWorld(b, Options{CacheDir: compiled})
			w.deploy("single", m.wasm, singleUse)
			w.deploy("pooled", m.wasm, engine.ServiceSpec{})
			err := w.units.work(b, func(ctx context.Context, tx *engine.Tx) error {
				single, pooled := w.asking(ctx, b, tx, "single", "x"), w.asking(ctx, b, tx, "pooled", "x")
				for range 100 {
					single()
					pooled()
				}
				versus(b, "x-pooled", single, pooled)
				return nil
			})
			require.NoError(b, err)
		})
	}
}
