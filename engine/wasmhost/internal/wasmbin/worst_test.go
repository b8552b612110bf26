//go:build !race

package wasmbin

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The race detector slows wazero's compiler tenfold, and there is nothing to
// race here: this file is left out then.

// TestTheWorstFunctionsCompileInTime builds functions that are at several
// limits at once and compiles them with metering.
func TestTheWorstFunctionsCompileInTime(t *testing.T) {
	l := DefaultLimits()
	locals := func(n int) []byte {
		var w writer
		w.length(1)
		w.length(n)
		w.byte(byte(I32))
		return w.out
	}
	// An if for each block, which reads one variable and writes another.
	conditions := func(blocks, variables int) []byte {
		var w writer
		for i := range blocks {
			w.byte(opLocalGet)
			w.length(i % variables)
			w.byte(opIf, emptyBlock, opI32Const, 1, 0x21)
			w.length(i * 7 % variables)
			w.byte(opEnd)
		}
		w.byte(opEnd)
		return w.out
	}
	for name, body := range map[string][]byte{
		"loops":                join(locals(1), repeat(l.Loops, opLoop, emptyBlock, opEnd), []byte{opEnd}),
		"blocks":               join(locals(8), conditions(l.Blocks, 8)),
		"variables and blocks": join(locals(1024), conditions(1024, 1024)),
	} {
		t.Run(name, func(t *testing.T) {
			wasm := instrumented(t, withBody(body...))
			began := time.Now()
			_, err := newRuntime(t, refill).CompileModule(context.Background(), wasm)
			require.NoError(t, err)
			t.Log(time.Since(began))
			require.Less(t, time.Since(began), 10*time.Second)
		})
	}
}
