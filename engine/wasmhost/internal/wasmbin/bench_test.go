package wasmbin

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"

	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

// BenchmarkMetering runs the same work in the original, in the metered module,
// and in the original under wazero's own way to end a call. The quotients are
// the price of each.
func BenchmarkMetering(b *testing.B) {
	for _, c := range []struct {
		name, source, method string
		arg                  uint64
	}{
		{"smallest loop", "sum", "count", 1_000_000},
		{"loop over bytes", "sum", "bytes", 10},
		{"recursion", "sum", "fib", 25},
		{"one small call", "sum", "lookup_credentials", 0},
		{"vectors", "simd", "mix", 100_000},
		{"Go", "goguest", "work", 1},
	} {
		original := func(b *testing.B) []byte {
			if c.name == "Go" {
				return wattest.GoModule(b, c.source)
			}
			return wattest.Module(b, c.source)
		}
		run := func(b *testing.B, r wazero.Runtime, wasm []byte) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			f := start(b, r, wasm).ExportedFunction(c.method)
			stack := make([]uint64, 1)
			for b.Loop() {
				stack[0] = c.arg
				if err := f.CallWithStack(ctx, stack); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run(c.name+"/original", func(b *testing.B) { run(b, newRuntime(b, refill), original(b)) })
		b.Run(c.name+"/metered", func(b *testing.B) { run(b, newRuntime(b, refill), instrumented(b, original(b))) })
		b.Run(c.name+"/close on context done", func(b *testing.B) {
			config := wazero.NewRuntimeConfigCompiler().WithCloseOnContextDone(true)
			run(b, newRuntimeWith(b, config, refill), original(b))
		})
	}
}

// BenchmarkRewriting measures both passes over a Go module, and what the compiler
// needs before and after.
func BenchmarkRewriting(b *testing.B) {
	wasm := wattest.GoModule(b, "goguest")
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(wasm)))
		b.ReportAllocs()
		for b.Loop() {
			_, err := Parse(wasm, limits())
			require.NoError(b, err)
		}
	})
	b.Run("instrument", func(b *testing.B) {
		m, err := Parse(wasm, limits())
		require.NoError(b, err)
		b.SetBytes(int64(len(wasm)))
		b.ReportAllocs()
		for b.Loop() {
			out, err := Instrument(m, options())
			require.NoError(b, err)
			b.ReportMetric(float64(len(out))/float64(len(wasm)), "size-ratio")
		}
	})
	compile := func(b *testing.B, wasm []byte) {
		r := newRuntime(b, refill)
		for b.Loop() {
			compiled, err := r.CompileModule(context.Background(), wasm)
			require.NoError(b, err)
			require.NoError(b, compiled.Close(context.Background()))
		}
	}
	b.Run("compile original", func(b *testing.B) { compile(b, wasm) })
	b.Run("compile metered", func(b *testing.B) { compile(b, instrumented(b, wasm)) })
}

// BenchmarkOperations measures, in a loop each, what the weights of the meter
// rest on. The empty loop is the price of the loop itself.
func BenchmarkOperations(b *testing.B) {
	m, err := Parse(wattest.Module(b, "operations"), limits())
	require.NoError(b, err)
	for _, e := range m.Exports {
		if e.Kind != KindFunc {
			continue
		}
		b.Run(e.Name, func(b *testing.B) {
			mod := start(b, newRuntime(b, refill), wattest.Module(b, "operations"))
			_, err := mod.ExportedFunction(e.Name).Call(context.Background(), uint64(b.N))
			require.NoError(b, err)
		})
	}
}
