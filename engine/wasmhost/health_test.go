package wasmhost

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// requireGoroutines waits until no more goroutines run than before, but for the
// one that asks.
func requireGoroutines(tb testing.TB, before int) {
	tb.Helper()
	require.Eventually(tb, func() bool { return runtime.NumGoroutine() <= before+1 }, soon, 5*time.Millisecond, "goroutines are left")
}
