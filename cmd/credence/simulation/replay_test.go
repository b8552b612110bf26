//go:build !race

package simulation

import (
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A seed is played again as it was before, so that a failure can be looked into.
// Goroutines that wake at the same nanosecond may still overtake each other, so
// a few seeds are let off. The race detector shuffles them on purpose.
func TestASeedIsReplayed(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const seeds = 30
	same := 0
	for seed := range uint64(seeds) {
		if slices.Equal(trace(t, seed), trace(t, seed)) {
			same++
		}
	}
	t.Logf("%d of %d seeds went the same way twice", same, seeds)
	require.Greater(t, same, seeds/2)
}

// trace is what happened in a run, whatever order the same moment had.
func trace(t *testing.T, seed uint64) []string {
	t.Helper()
	w := run(t, seed)
	slices.Sort(w.lines)
	return w.lines
}
