package epoch

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// spawnIn runs what rounds spawn in goroutines of the test's bubble.
func spawnIn(f func()) bool {
	go f()
	return true
}

func TestCallersShareTheNextCallThatBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rounds[int]
		var mu sync.Mutex
		var began []time.Time
		started := time.Now()
		call := func(context.Context) (int, error) { //nolint:unparam // the form of a call
			mu.Lock()
			began = append(began, time.Now())
			n := len(began)
			mu.Unlock()
			time.Sleep(10 * time.Millisecond) // simulated
			return n, nil
		}
		var group sync.WaitGroup
		for n := range 30 {
			group.Go(func() {
				time.Sleep(time.Duration(n) * time.Millisecond) // simulated
				came := time.Now()
				answer, err := r.join(t.Context(), t.Context(), spawnIn, call)
				require.NoError(t, err)
				mu.Lock()
				defer mu.Unlock()
				require.False(t, began[answer-1].Before(came), "answered by a call that began before the caller came")
				require.LessOrEqual(t, time.Since(came), 20*time.Millisecond)
			})
		}
		group.Wait()
		require.Len(t, began, 4, "at 0 for the first, then whenever one has ended: at 10, 20 and 30 ms")
		require.Equal(t, 30*time.Millisecond, began[3].Sub(started))
	})
}

func TestACallThatNobodyWaitsForIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rounds[int]
		calls := 0
		call := func(ctx context.Context) (int, error) {
			calls++
			<-ctx.Done()
			return 0, ctx.Err()
		}
		var group sync.WaitGroup
		for n := range 3 { // the first waits the longest
			group.Go(func() {
				patience, cancel := context.WithTimeout(t.Context(), time.Second/time.Duration(n+1))
				defer cancel()
				_, err := r.join(patience, t.Context(), spawnIn, call)
				require.ErrorIs(t, err, context.DeadlineExceeded)
			})
			synctest.Wait()
		}
		group.Wait()
		synctest.Wait()
		require.Equal(t, 1, calls, "the second call had nobody left when the first was given up")
		answer, err := r.join(t.Context(), t.Context(), spawnIn, func(context.Context) (int, error) { return 7, nil })
		require.NoError(t, err)
		require.Equal(t, 7, answer)
	})
}

func TestNothingIsCalledAfterTheEnd(t *testing.T) {
	var r rounds[int]
	_, err := r.join(t.Context(), t.Context(), func(func()) bool { return false }, nil)
	require.ErrorIs(t, err, errStopped)
	answer, err := r.join(t.Context(), t.Context(), spawnIn, func(context.Context) (int, error) { return 1, errors.New("asked") })
	require.ErrorContains(t, err, "asked")
	require.Equal(t, 1, answer)
}
