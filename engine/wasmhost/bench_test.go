package wasmhost

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
	"github.com/credence-engine/credence/wasmabi"
)

// versus runs both loops b.N times, in turns so that what else the machine
// does hits both, and reports how much longer the first takes.
func versus(b *testing.B, unit string, measured, reference func()) {
	b.Helper()
	const turn = 256
	var spent, other time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += turn {
		n := min(turn, b.N-done)
		began := time.Now()
		for range n {
			measured()
		}
		spent += time.Since(began)
		b.StopTimer()
		began = time.Now()
		for range n {
			reference()
		}
		other += time.Since(began)
		b.StartTimer()
	}
	b.ReportMetric(float64(spent)/float64(other), unit)
	b.ReportMetric(float64(other.Nanoseconds())/float64(b.N), "reference-ns/op")
}

// bare calls a module that is not metered with nothing around it but the copy
// of the request and of the answer.
func bare(b *testing.B, wasm, request []byte) func() []byte {
	b.Helper()
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	b.Cleanup(func() { require.NoError(b, r.Close(ctx)) })
	var output []byte
	host := r.NewHostModuleBuilder(wasmabi.ImportModule)
	host.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, m api.Module, stack []uint64) {
		m.Memory().Write(uint32(stack[0]), request)
		stack[0] = uint64(len(request))
	}), i32s(3), i32s(1)).Export(wasmabi.ImportInputRead)
	host.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, m api.Module, stack []uint64) {
		answer, _ := m.Memory().Read(uint32(stack[0]), uint32(stack[1]))
		output = append(output, answer...)
		stack[0] = uint64(len(answer))
	}), i32s(2), i32s(1)).Export(wasmabi.ImportOutputWrite)
	_, err := host.Instantiate(ctx)
	require.NoError(b, err)
	module, err := r.Instantiate(ctx, wasm)
	require.NoError(b, err)
	f := module.ExportedFunction(wasmabi.ExportLookup)
	var stack [1]uint64
	return func() []byte {
		output = output[:0]
		stack[0] = uint64(len(request))
		if err := f.CallWithStack(ctx, stack[:]); err != nil {
			b.Fatal(err)
		}
		return output
	}
}

// The goal is at most 3 times the bare call.
func BenchmarkLookupThroughATinyModule(b *testing.B) {
	w := newWorld(b, Options{})
	w.deploy("tiny", tiny(b), engine.ServiceSpec{})
	s := w.runtime.service("tiny")
	app := &engine.Application{ID: w.app("tiny")}
	const id = "a-credentials-id-of-forty-three-characters."
	of := subject{application: string(app.ID), request: admin.RequestID}
	o := operation{method: lookup, asked: engine.Credentials{ID: id}}
	reference := bare(b, tiny(b), o.encode(nil, of))
	var answer wasmabi.Credentials
	require.NoError(b, answer.Decode(reference()))
	require.Equal(b, id, answer.ID)
	err := w.units.work(b, func(ctx context.Context, tx *engine.Tx) error {
		versus(b, "x-bare", func() {
			if c, err := s.Lookup(ctx, tx, app, id); err != nil || c.ID != id {
				b.Fatal(c, err)
			}
		}, func() { reference() })
		return nil
	})
	require.NoError(b, err)
}

func BenchmarkLookupThroughAGoModule(b *testing.B) {
	w := newWorld(b, Options{CacheDir: compiled})
	w.deploy("full", goGuest(b), engine.ServiceSpec{Config: []byte(`{}`)})
	custom, native := w.app("full"), w.app(engine.Internal)
	for _, app := range []engine.ApplicationID{custom, native} {
		require.NoError(b, w.provision(app, "id"))
	}
	ask := func(app engine.ApplicationID) func() {
		return func() {
			if _, err := w.lookup(app, "id"); err != nil {
				b.Fatal(err)
			}
		}
	}
	versus(b, "x-internal", ask(custom), ask(native))
}

func BenchmarkStartOfAnInstance(b *testing.B) {
	for name, wasm := range map[string][]byte{"kv-echo": wattest.Module(b, "kv-echo"), "go": goGuest(b)} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, Options{CacheDir: compiled})
			w.deploy("custom", wasm, engine.ServiceSpec{Config: []byte(`{}`)})
			s := w.runtime.service("custom")
			config, err := configure([]byte(`{}`), nil)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				i, err := s.start(context.Background(), config, subject{})
				require.NoError(b, err)
				i.close()
			}
		})
	}
}
