package etcdstore

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// etcd's client keeps what a watch has begun when that is given up before it
// was confirmed: a deployment that fails at once does so.
func TestWatchesThatAreGivenUpEarlyLeaveNothingBehind(t *testing.T) {
	store := open(t, Options{DataDir: t.TempDir()})
	now, err := store.Revision(t.Context())
	require.NoError(t, err)
	before := runtime.NumGoroutine()
	const watches = 200
	for i := range watches {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*2*time.Microsecond)
		for changes, err := range store.Watch(ctx, "x/", now) {
			t.Errorf("nothing has changed: %v, %v", changes, err)
		}
		cancel()
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() < before+watches/4 }, 10*time.Second, 10*time.Millisecond,
		"there were %d goroutines before", before)
}
