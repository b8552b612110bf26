package wasmbin

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.Cleanup(os.Exit)) }

// options are what the host is expected to use, with its own names.
func options() Options {
	return Options{
		RefuelModule: "meter", RefuelName: "refuel", FuelExport: "fuel", SaveExport: "save", RestoreExport: "restore",
		MemoryPages: 512, TableEntries: 65_536,
	}
}

// limits are the defaults with the memory of a Go guest.
func limits() Limits {
	l := DefaultLimits()
	l.MemoryPages = options().MemoryPages
	return l
}

// instrumented parses and rewrites a module that must pass.
func instrumented(tb testing.TB, wasm []byte) []byte {
	tb.Helper()
	m, err := Parse(wasm, limits())
	require.NoError(tb, err)
	out, err := Instrument(m, options())
	require.NoError(tb, err)
	return out
}

// sliceOfFuel is what the test host gives each time, about half a millisecond.
const sliceOfFuel = 500_000

// refill gives a slice of fuel, as a host does that has time left.
func refill(_ context.Context, mod api.Module) {
	mod.ExportedGlobal("fuel").(api.MutableGlobal).Set(sliceOfFuel)
}

// newRuntime returns a runtime with WASI and the refuel function.
func newRuntime(tb testing.TB, refuel func(context.Context, api.Module)) wazero.Runtime {
	tb.Helper()
	return newRuntimeWith(tb, wazero.NewRuntimeConfigCompiler().WithMemoryLimitPages(512), refuel)
}

func newRuntimeWith(tb testing.TB, config wazero.RuntimeConfig, refuel func(context.Context, api.Module)) wazero.Runtime {
	tb.Helper()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, config)
	tb.Cleanup(func() { require.NoError(tb, r.Close(ctx)) })
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	_, err := r.NewHostModuleBuilder("meter").NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, mod api.Module, _ []uint64) {
			refuel(ctx, mod)
		}), nil, nil).Export("refuel").Instantiate(ctx)
	require.NoError(tb, err)
	return r
}

// start instantiates a module without names and start functions of its own.
func start(tb testing.TB, r wazero.Runtime, wasm []byte) api.Module {
	tb.Helper()
	mod, err := r.InstantiateWithConfig(context.Background(), wasm,
		wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
	require.NoError(tb, err)
	return mod
}
