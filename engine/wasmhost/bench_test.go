package wasmhost

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

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
	bodies := map[string]api.GoModuleFunc{
		wasmabi.ImportInputRead: func(_ context.Context, m api.Module, stack []uint64) {
			rest := request[min(int(uint32(stack[2])), len(request)):]
			n := min(uint32(len(rest)), uint32(stack[1]))
			m.Memory().Write(uint32(stack[0]), rest[:n])
			stack[0] = uint64(n)
		},
		wasmabi.ImportOutputWrite: func(_ context.Context, m api.Module, stack []uint64) {
			answer, _ := m.Memory().Read(uint32(stack[0]), uint32(stack[1]))
			output = append(output, answer...)
			stack[0] = uint64(len(answer))
		},
	}
	compiled, err := r.CompileModule(ctx, wasm)
	require.NoError(b, err)
	modules := map[string]wazero.HostModuleBuilder{}
	for _, f := range compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		if module == wasiModule {
			continue
		}
		if modules[module] == nil {
			modules[module] = r.NewHostModuleBuilder(module)
		}
		body := bodies[name]
		if body == nil { // not called by a lookup
			body = func(context.Context, api.Module, []uint64) { panic(name) }
		}
		modules[module].NewFunctionBuilder().WithGoModuleFunction(body, f.ParamTypes(), f.ResultTypes()).Export(name)
	}
	for _, m := range modules {
		_, err := m.Instantiate(ctx)
		require.NoError(b, err)
	}
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	module, err := r.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithStartFunctions(wasmabi.ExportInitialize))
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

const askedID = "a-credentials-id-of-forty-three-characters."

// asking returns a lookup that is good as long as the unit of work is.
func (w *world) asking(ctx context.Context, b *testing.B, tx *engine.Tx, name engine.ServiceName, id engine.CredentialsID) func() {
	b.Helper()
	s, app := w.runtime.service(name), &engine.Application{ID: engine.ApplicationID("application-" + name)}
	return func() {
		if c, err := s.Lookup(ctx, tx, app, id); err != nil || c.ID != id {
			b.Fatal(c, err)
		}
	}
}

// The goal is at most 3 times the bare call, with metering.
func BenchmarkLookup(b *testing.B) {
	for _, guest := range append([]string{"tiny"}, wattest.Languages()...) {
		b.Run(guest, func(b *testing.B) {
			wasm := tiny(b)
			if guest != "tiny" {
				wasm = wattest.Lookup(b, guest)
			}
			w := newWorld(b, Options{CacheDir: compiled})
			name := engine.ServiceName(guest)
			w.deploy(name, wasm, engine.ServiceSpec{})
			o := operation{method: lookup, asked: engine.Credentials{ID: askedID}}
			reference := bare(b, wasm, o.encode(nil, subject{application: "application-" + guest, request: admin.RequestID}))
			var answer wasmabi.Credentials
			require.NoError(b, answer.Decode(reference()))
			require.Equal(b, askedID, answer.ID)
			require.NoError(b, w.units.work(b, func(ctx context.Context, tx *engine.Tx) error {
				ask := w.asking(ctx, b, tx, name, askedID)
				for range 2000 { // what is made on first use
					ask()
					reference()
				}
				versus(b, "x-bare", ask, func() { reference() })
				return nil
			}))
		})
	}
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
