package wasmbin

import (
	"context"
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

// endless are modules that do not come back from a call or from their start.
var endless = map[string]bool{
	"spin": true, "recurse-exponential": true, "recurse-indirect": true, "recurse-forever": true,
	"fill-chain": true, "copy-chain": true, "host-storm": true, "log-enabled-spin": true,
	"start-loop": true, "start-recurse": true, "init-loop": true, "configure-loop": true, "memory-grow": true,
}

// outcome is what a caller can see of a call.
type outcome struct {
	results []uint64
	trap    bool
	memory  [sha256.Size]byte
}

// answerZero offers each import of a module as a function that returns zero.
func answerZero(t *testing.T, r wazero.Runtime, m *Module) {
	t.Helper()
	modules := map[string]wazero.HostModuleBuilder{}
	for _, i := range m.Imports {
		if r.Module(i.Module) != nil {
			continue
		}
		if modules[i.Module] == nil {
			modules[i.Module] = r.NewHostModuleBuilder(i.Module)
		}
		params, results := make([]api.ValueType, len(i.Type.Params)), make([]api.ValueType, len(i.Type.Results))
		for j, p := range i.Type.Params {
			params[j] = api.ValueType(p)
		}
		for j, p := range i.Type.Results {
			results[j] = api.ValueType(p)
		}
		modules[i.Module].NewFunctionBuilder().WithGoFunction(api.GoFunc(func(_ context.Context, stack []uint64) {
			if len(results) > 0 {
				stack[0] = 0
			}
		}), params, results).Export(i.Name)
	}
	for _, b := range modules {
		_, err := b.Instantiate(context.Background())
		require.NoError(t, err)
	}
}

// runAll calls every exported function that takes at most one parameter, on one
// instance, with each of the arguments.
func runAll(t *testing.T, m *Module, wasm []byte, calls []uint64) (outcomes []outcome) {
	t.Helper()
	ctx := context.Background()
	r := newRuntime(t, refill)
	answerZero(t, r, m)
	mod, err := r.InstantiateWithConfig(ctx, wasm,
		wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
	if err != nil {
		return []outcome{{trap: true}}
	}
	for _, e := range m.Exports {
		if e.Kind != KindFunc || e.Name == "_initialize" || len(m.FuncType(e.Index).Params) > 1 {
			continue
		}
		for _, arg := range calls {
			args := []uint64{arg}[:len(m.FuncType(e.Index).Params)]
			results, err := mod.ExportedFunction(e.Name).Call(ctx, args...)
			all, _ := mod.Memory().Read(0, mod.Memory().Size())
			outcomes = append(outcomes, outcome{results, err != nil, sha256.Sum256(all)})
		}
	}
	return outcomes
}

// A metered module computes what the original does: the same results, traps
// and memory, over every source that ends.
func TestMeteredModulesBehaveLikeTheirOriginals(t *testing.T) {
	for _, name := range wattest.Names(t) {
		if endless[name] || name == "table-grow" { // whose original takes all the memory there is
			continue
		}
		t.Run(name, func(t *testing.T) {
			wasm := wattest.Module(t, name)
			m, err := Parse(wasm, limits())
			if err != nil {
				t.Skipf("refused by the parser: %v", err)
			}
			if name == "import-refuel" {
				t.Skip("refused by the rewriter")
			}
			calls := []uint64{1, 2, 7, 23} // counts: from zero, a loop would run 2^32 times
			require.Equal(t, runAll(t, m, wasm, calls), runAll(t, m, instrumented(t, wasm), calls))
		})
	}
}

// The comparison above would be worth nothing if the guests only trapped.
func TestTheSourcesForComparisonRunToTheirEnd(t *testing.T) {
	for name, method := range map[string]string{"segments": "tables memories control", "simd": "mix", "sum": "bytes count fib"} {
		mod := start(t, newRuntime(t, refill), wattest.Module(t, name))
		for m := range strings.FieldsSeq(method) {
			_, err := mod.ExportedFunction(m).Call(context.Background(), 2)
			require.NoError(t, err, "%s %s", name, m)
		}
	}
}

func TestAMeteredGoModuleBehavesLikeItsOriginal(t *testing.T) {
	wasm := wattest.GoModule(t, "goguest")
	ctx := context.Background()
	run := func(wasm []byte) (results []uint64) {
		mod := start(t, newRuntime(t, refill), wasm)
		for n := range uint64(20) {
			got, err := mod.ExportedFunction("work").Call(ctx, n)
			require.NoError(t, err)
			results = append(results, got...)
		}
		return results
	}
	original := run(wasm)
	require.NotEqual(t, original[0], original[1], "the guest must do work that depends on its argument")
	require.Equal(t, original, run(instrumented(t, wasm)))
}
