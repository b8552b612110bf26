package wasmbin

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

var errDeadline = errors.New("deadline passed")

// until refuels until a deadline, then ends the call by a panic.
func until(deadline time.Time) func(context.Context, api.Module) {
	return func(ctx context.Context, mod api.Module) {
		if time.Now().After(deadline) {
			panic(errDeadline)
		}
		refill(ctx, mod)
	}
}

// A call must end within this time after its deadline: one slice of fuel, one
// bulk operation, and what a busy machine adds.
const tolerance = 250 * time.Millisecond

func TestEndlessGuestsStopAtTheDeadline(t *testing.T) {
	for name := range endless {
		if name == "recurse-forever" {
			continue // ends by itself, with a stack overflow
		}
		t.Run(name, func(t *testing.T) {
			wasm := wattest.Module(t, name)
			m, err := Parse(wasm, limits())
			require.NoError(t, err)
			ctx := context.Background()
			var deadline atomic.Pointer[time.Time]
			r := newRuntime(t, func(ctx context.Context, mod api.Module) { until(*deadline.Load())(ctx, mod) })
			answerZero(t, r, m)
			compiled, err := r.CompileModule(ctx, instrumented(t, wasm))
			require.NoError(t, err)

			const budget = 50 * time.Millisecond
			end := time.Now().Add(budget)
			deadline.Store(&end)
			mod, err := r.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
			method := "lookup_credentials"
			if name == "configure-loop" {
				method = "cred_configure"
			}
			if err == nil {
				_, err = mod.ExportedFunction(method).Call(ctx, 0)
			}
			late := time.Since(end)
			require.ErrorIs(t, err, errDeadline)
			require.Less(t, late, tolerance)
			require.GreaterOrEqual(t, late, time.Duration(0))
		})
	}
}

func TestEndlessRecursionOverflowsTheStackOrMeetsTheDeadline(t *testing.T) {
	began := time.Now()
	mod := start(t, newRuntime(t, until(began.Add(time.Second))), instrumented(t, wattest.Module(t, "recurse-forever")))
	_, err := mod.ExportedFunction("lookup_credentials").Call(context.Background(), 0)
	require.Error(t, err)
	// wazero walks the whole stack to report the error.
	require.Less(t, time.Since(began), 5*time.Second)
}

func TestMemoryAndTablesStayUnderTheirCaps(t *testing.T) {
	grown := start(t, newRuntime(t, refill), instrumented(t, wattest.Module(t, "init-grow")))
	require.Equal(t, options().MemoryPages*PageSize, grown.Memory().Size())

	for _, name := range []string{"table-grow", "memory-grow-all"} {
		mod := start(t, newRuntime(t, refill), instrumented(t, wattest.Module(t, name)))
		results, err := mod.ExportedFunction("lookup_credentials").Call(context.Background(), 0)
		require.NoError(t, err, name)
		require.Equal(t, []uint64{0}, results, name)
	}
}

// Compiled code cannot be pre-empted, so a garbage collection waits for the
// guest to come back to Go. It comes back at the end of each slice.
func TestAGarbageCollectionDoesNotWaitForASpinningGuest(t *testing.T) {
	for _, name := range []string{"spin", "recurse-exponential", "fill-chain"} {
		t.Run(name, func(t *testing.T) {
			mod := start(t, newRuntime(t, until(time.Now().Add(400*time.Millisecond))), instrumented(t, wattest.Module(t, name)))
			ended := make(chan error, 1)
			go func() {
				_, err := mod.ExportedFunction("lookup_credentials").Call(context.Background(), 0)
				ended <- err
			}()
			var waits []time.Duration
			for running := true; running; {
				began := time.Now()
				runtime.GC()
				waits = append(waits, time.Since(began))
				select {
				case err := <-ended:
					require.ErrorIs(t, err, errDeadline)
					running = false
				case <-time.After(10 * time.Millisecond):
				}
			}
			require.Greater(t, len(waits), 3, "the collections waited for the guest to end")
			slices.Sort(waits)
			// The median, because other work on the machine delays single ones.
			require.Less(t, waits[len(waits)/2], 50*time.Millisecond)
		})
	}
}
