package enginetest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

func TestLinkWithoutFaultsPassesTheSuite(t *testing.T) {
	enginetest.StoreSuite(t, func(t *testing.T) func() engine.Store {
		t.Helper()
		state := enginetest.NewMemoryStore()
		return func() engine.Store {
			link := state.Link(enginetest.LinkOptions{})
			t.Cleanup(func() { require.NoError(t, link.Close()) })
			return link
		}
	})
}

func put(key string) engine.Commit {
	return engine.Commit{Writes: []engine.Write{{Key: key, Value: []byte("v")}}}
}

// linked runs a test of a link in simulated time.
func linked(t *testing.T, o enginetest.LinkOptions, test func(t *testing.T, state *enginetest.MemoryStore, link *enginetest.Link)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		state := enginetest.NewMemoryStore()
		link := state.Link(o)
		defer func() { require.NoError(t, link.Close()) }()
		test(t, state, link)
	})
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func there(t *testing.T, state *enginetest.MemoryStore, key string) bool {
	t.Helper()
	snap, err := state.Read(t.Context(), engine.Strict, key)
	require.NoError(t, err)
	return snap.Records[0].Exists()
}

func TestLinkAppliesACommitWhoseAnswerIsLostOnce(t *testing.T) {
	answers := 0
	fate := func(m enginetest.Message) enginetest.Fate {
		if m.What == "commit" && m.Answer {
			answers++
		}
		return enginetest.Fate{Delay: time.Millisecond, Lost: m.What == "commit" && m.Answer && answers == 1}
	}
	linked(t, enginetest.LinkOptions{Fate: fate}, func(t *testing.T, state *enginetest.MemoryStore, link *enginetest.Link) {
		c := put("marker")
		c.Marker = "marker"
		began := time.Now()
		rev, err := link.Commit(within(t, time.Minute), c)
		require.NoError(t, err)
		require.Equal(t, time.Second+2*time.Millisecond, time.Since(began), "it was sent twice")
		snap, err := state.Read(t.Context(), engine.Strict, "marker")
		require.NoError(t, err)
		require.Equal(t, rev, snap.Records[0].Version)
		require.EqualValues(t, 1, snap.Records[0].Writes)
	})
}

func TestLinkThatIsCutHoldsMessagesBack(t *testing.T) {
	linked(t, enginetest.LinkOptions{}, func(t *testing.T, state *enginetest.MemoryStore, link *enginetest.Link) {
		link.Cut(true, false)
		_, err := link.Commit(within(t, time.Second), put("late"))
		require.ErrorIs(t, err, engine.ErrUnknownOutcome)
		require.False(t, there(t, state, "late"))
		_, err = link.Read(within(t, time.Second), engine.Strict, "late")
		require.Equal(t, engine.CodeDeadline, engine.CodeOf(err))
		link.Cut(false, true)
		synctest.Wait()
		require.True(t, there(t, state, "late"), "it was given up, and arrives")
		_, err = link.Commit(within(t, time.Second), put("unheard"))
		require.ErrorIs(t, err, engine.ErrUnknownOutcome)
		require.True(t, there(t, state, "unheard"))
		link.Cut(false, false)
		_, err = link.Commit(within(t, time.Second), put("again"))
		require.NoError(t, err)
	})
}

func TestLinkKnowsUntilWhenItsRecordsAreThere(t *testing.T) {
	fate := func(enginetest.Message) enginetest.Fate { return enginetest.Fate{Delay: 50 * time.Millisecond} }
	o := enginetest.LinkOptions{Fate: fate, Lease: 3 * time.Second}
	linked(t, o, func(t *testing.T, state *enginetest.MemoryStore, link *enginetest.Link) {
		require.Zero(t, link.Held())
		began := time.Now()
		_, err := link.Commit(within(t, time.Second), engine.Commit{Writes: []engine.Write{{Key: "e", Ephemeral: true}}})
		require.NoError(t, err)
		require.Equal(t, began.Add(2500*time.Millisecond), link.Held(), "counted from when it was sent")
		time.Sleep(time.Minute)
		require.True(t, there(t, state, "e"), "it is renewed")
		require.True(t, link.Held().After(time.Now()))
		link.Cut(true, false)
		for there(t, state, "e") {
			time.Sleep(10 * time.Millisecond)
		}
		require.True(t, link.Held().Before(time.Now()), "the node took it for lost before")
		link.Cut(false, false)
		time.Sleep(2 * time.Second)
		require.Zero(t, link.Held())
		_, err = link.Commit(within(t, time.Second), engine.Commit{Writes: []engine.Write{{Key: "e", Ephemeral: true}}})
		require.NoError(t, err)
		require.True(t, link.Held().After(time.Now()), "it goes on with a new one")
	})
}

func TestLinkDeliversChangesInOrderEachInItsOwnTime(t *testing.T) {
	delays := map[engine.Revision]time.Duration{2: 100 * time.Millisecond, 3: 10 * time.Millisecond, 4: 50 * time.Millisecond}
	fate := func(m enginetest.Message) enginetest.Fate {
		return enginetest.Fate{Delay: delays[m.Revision], Lost: m.Revision == 3, Ended: m.Revision == 5}
	}
	linked(t, enginetest.LinkOptions{Fate: fate}, func(t *testing.T, state *enginetest.MemoryStore, link *enginetest.Link) {
		began := time.Now()
		for _, key := range []string{"a", "b", "c", "d"} {
			_, err := state.Commit(t.Context(), put(key))
			require.NoError(t, err)
		}
		var seen []engine.Revision
		for changes, err := range link.Watch(t.Context(), "", 1) {
			if err != nil {
				require.Equal(t, engine.CodeUnavailable, engine.CodeOf(err))
				break
			}
			seen = append(seen, changes.Revision)
			require.Equal(t, 100*time.Millisecond, time.Since(began), "what came later waits for what came before, and no longer")
		}
		require.Equal(t, []engine.Revision{2, 4}, seen)
	})
}
