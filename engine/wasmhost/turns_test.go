package wasmhost

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func TestNoServiceHasMoreThanHalfOfTheTurns(t *testing.T) {
	turns := newTurns(8)
	greedy, modest := &lane{of: turns}, &lane{of: turns}
	for range 4 {
		require.True(t, greedy.pass())
	}
	require.False(t, greedy.pass())
	require.NoError(t, modest.take(t.Context(), 0, 0), "a neighbour does not wait")
	modest.give()
	requireCode(t, engine.CodeExhausted, greedy.take(t.Context(), time.Millisecond, 1))
	requireCode(t, engine.CodeExhausted, greedy.take(t.Context(), time.Hour, 0))
	greedy.give()
	require.True(t, greedy.pass())
	require.EqualValues(t, 4, turns.running.Load())
}

// Two services have all turns, and many calls wait for more of them: the third
// gets the next turn that it may have, not the last.
func TestServicesThatWaitTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(4)
		lanes := []*lane{{of: turns}, {of: turns}, {of: turns}}
		served := make(chan int, 100)
		wait := func(n int) {
			if lanes[n].take(t.Context(), time.Hour, 64) == nil {
				served <- n
			}
		}
		for _, l := range []*lane{lanes[0], lanes[0], lanes[1], lanes[1]} {
			require.True(t, l.pass())
		}
		for range 10 {
			go wait(0)
			synctest.Wait()
			go wait(1)
			synctest.Wait()
		}
		go wait(2)
		synctest.Wait()
		require.Empty(t, served)
		lanes[0].give()
		require.Equal(t, 0, <-served) // who came first
		lanes[0].give()
		require.Equal(t, 2, <-served) // 1 has its half already
		lanes[2].give()
		require.Equal(t, 0, <-served)
		lanes[1].give()
		require.Equal(t, 1, <-served)
		for range 30 {
			for _, l := range lanes {
				if l.running.Load() > 0 {
					l.give()
				}
			}
			synctest.Wait()
		}
		require.Zero(t, turns.running.Load())
		require.Zero(t, turns.waiting.Load())
		require.Empty(t, turns.lanes)
	})
}

func TestATurnThatIsNotTakenGoesToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(2)
		a, b := &lane{of: turns}, &lane{of: turns}
		require.True(t, a.pass())
		require.True(t, b.pass())
		ctx, cancel := context.WithCancel(t.Context())
		left, stays := make(chan error, 1), make(chan error, 1)
		go func() { left <- a.take(ctx, time.Hour, 64) }()
		synctest.Wait()
		go func() { stays <- a.take(t.Context(), time.Hour, 64) }()
		synctest.Wait()
		cancel()
		requireCode(t, engine.CodeUnavailable, <-left)
		a.give()
		require.NoError(t, <-stays)
		a.give()
		b.give()
		require.Zero(t, turns.running.Load())
		require.Empty(t, turns.lanes)
	})
}

// A call that waits for the world outside gives its turn to another, comes
// before those that have not begun, and goes on in any case.
func TestACallThatHasBegunGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(2)
		l := &lane{of: turns}
		c := &call{ctx: t.Context(), turn: turn{lane: l}}
		require.True(t, l.pass())
		begun := make(chan error, 2)
		for range 2 {
			go func() { begun <- l.take(t.Context(), time.Hour, 64) }()
		}
		synctest.Wait()
		done := make(chan struct{})
		go func() {
			c.aside(func() { assert.NoError(t, <-begun) })
			close(done)
		}()
		synctest.Wait()
		l.give()
		<-done
		require.Empty(t, begun)
		require.EqualValues(t, 1, turns.running.Load())

		began := time.Now()
		c.aside(func() { require.NoError(t, <-begun) })
		require.Equal(t, retakeWait, time.Since(began))
		require.EqualValues(t, 2, turns.running.Load())
		l.give()
		l.give()
		require.Zero(t, turns.running.Load())
		require.Empty(t, turns.lanes)
	})
}

// Long calls leave half of the turns to short ones, and one that waits in vain
// is no fault of its module.
func TestLongCallsLeaveRoomForShortOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns, long := newTurns(8), newTurns(4)
		lanes := make([]*lane, 3)
		for n := range lanes {
			lanes[n] = &lane{of: turns, long: &lane{of: long}}
		}
		var running []*call
		for _, l := range []*lane{lanes[0], lanes[0], lanes[1], lanes[1]} {
			c := &call{ctx: t.Context(), deadline: time.Now().Add(time.Second), turn: turn{lane: l}}
			require.True(t, l.pass())
			c.prolong()
			require.False(t, c.turn.long, "it has just begun")
			c.spent.fuel = shortFuel
			c.prolong()
			require.True(t, c.turn.long)
			running = append(running, c)
		}
		late := &call{ctx: t.Context(), deadline: time.Now().Add(time.Second), turn: turn{lane: lanes[2]}}
		late.spent.fuel = shortFuel
		require.True(t, lanes[2].pass())
		require.Panics(t, late.prolong)
		var ended *aborted
		require.ErrorAs(t, late.failure, &ended)
		requireCode(t, engine.CodeExhausted, ended.cause)
		late.turn.give()

		patient := &call{ctx: t.Context(), deadline: time.Now().Add(time.Second), turn: turn{lane: lanes[2]}}
		patient.spent.fuel = shortFuel
		require.True(t, lanes[2].pass())
		go patient.prolong()
		synctest.Wait()
		require.EqualValues(t, 4, turns.running.Load(), "who waits has no turn")
		running[0].turn.give()
		synctest.Wait()
		require.True(t, patient.turn.long)
		for _, c := range append(running[1:], patient) {
			c.turn.give()
		}
		require.Zero(t, turns.running.Load())
		require.Zero(t, long.running.Load())
	})
}

// No turn is lost or made up, however calls come and go.
func TestTurnsAddUpUnderLoad(t *testing.T) {
	turns := newTurns(6)
	var now [4]atomic.Int32
	var all atomic.Int32
	var group sync.WaitGroup
	for n := range now {
		l := &lane{of: turns}
		for range 8 {
			group.Go(func() {
				for range 300 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(200))*time.Microsecond)
					if l.take(ctx, time.Duration(rand.IntN(200))*time.Microsecond, 4) == nil {
						if now[n].Add(1) > 3 || all.Add(1) > 6 {
							t.Error("too many at once")
						}
						time.Sleep(time.Duration(rand.IntN(20)) * time.Microsecond)
						now[n].Add(-1)
						all.Add(-1)
						l.give()
					}
					cancel()
				}
			})
		}
	}
	group.Wait()
	require.Zero(t, turns.running.Load())
	require.Zero(t, turns.waiting.Load())
	require.Empty(t, turns.lanes)
}
