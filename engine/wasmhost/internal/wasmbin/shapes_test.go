package wasmbin

import (
	"context"
	"github.com/tetratelabs/wazero/api"
	"os"
	"testing"
)

func BenchmarkShapes(b *testing.B) {
	for _, fn := range []string{"bytes", "count", "fib"} {
		for _, n := range []string{"none", "i64_reload", "i64_tee", "i32_reload", "i64_brif", "i64_nochk", "i64_add_const"} {
			b.Run(fn+"/"+n, func(b *testing.B) {
				wasm, _ := os.ReadFile("/tmp/shapes/" + n + ".wasm")
				r := newRuntime(b, func(_ context.Context, m api.Module) { m.ExportedGlobal("fuel").(api.MutableGlobal).Set(100000) })
				mod := start(b, r, wasm)
				f := mod.ExportedFunction(fn)
				arg := map[string]uint64{"bytes": 10, "count": 1000000, "fib": 25}[fn]
				st := []uint64{0}
				for b.Loop() {
					st[0] = arg
					if err := f.CallWithStack(context.Background(), st); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
