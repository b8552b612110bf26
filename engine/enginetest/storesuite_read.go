package enginetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func readAbsent(s *storeTest) {
	snap := s.read(engine.Strict, "a", "b")
	for _, r := range snap.Records {
		require.False(s, r.Exists())
		require.Empty(s, r.Value)
	}
	require.Positive(s, snap.Revision, "0 is never")
	require.Equal(s, snap.Revision, s.read(engine.Strict).Revision, "without keys a read tells the revision")

	rev := s.put("empty", "")
	r := s.read(engine.Strict, "empty").Records[0]
	require.True(s, r.Exists(), "an empty value is not absence")
	require.Equal(s, rev, r.Version)
}

// readOneRevision moves one token between two keys while others read both.
func readOneRevision(s *storeTest) {
	s.commit(engine.Commit{Writes: []engine.Write{{Key: "x", Value: []byte("token")}}})
	var writer sync.WaitGroup
	done := make(chan struct{})
	writer.Go(func() {
		defer close(done)
		from, to := "x", "y"
		for range 200 {
			if _, err := s.Commit(s.ctx, engine.Commit{Writes: []engine.Write{
				{Key: from, Delete: true}, {Key: to, Value: []byte("token")},
			}}); err != nil {
				s.Errorf("commit: %v", err)
				return
			}
			from, to = to, from
		}
	})
	defer writer.Wait()
	for reads, last := 0, engine.Revision(0); ; reads++ {
		snap := s.read(engine.Strict, "y", "x", "y")
		y, x := snap.Records[0], snap.Records[1]
		require.NotEqual(s, x.Exists(), y.Exists(), "the token is in one place at any revision")
		require.Equal(s, y, snap.Records[2], "a key may be asked for twice")
		require.GreaterOrEqual(s, snap.Revision, last)
		last = snap.Revision
		for _, r := range snap.Records {
			require.LessOrEqual(s, r.Version, snap.Revision)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func readAsOf(s *storeTest) {
	before := s.read(engine.Strict, "k").Revision
	type state struct {
		rev    engine.Revision
		record engine.Record
	}
	states := []state{{before, engine.Record{Key: "k"}}}
	for i := range 5 {
		value := fmt.Sprint("v", i)
		rev := s.put("k", value)
		states = append(states, state{rev, engine.Record{Key: "k", Value: []byte(value), Version: rev}})
		other := s.put("other", value)
		states = append(states, state{other, engine.Record{Key: "k", Value: []byte(value), Version: rev}})
	}
	states = append(states, state{s.delete("k"), engine.Record{Key: "k"}})
	s.put("k", "again")
	for _, want := range states {
		snap := s.read(engine.AsOf(want.rev), "k")
		require.Equal(s, want.rev, snap.Revision)
		require.Equal(s, want.record.Version, snap.Records[0].Version)
		require.Equal(s, string(want.record.Value), string(snap.Records[0].Value))
	}
}

func readModes(s *storeTest) {
	rev := s.put("k", "new")
	for _, c := range []engine.Consistency{
		engine.Strict, engine.Bounded(0), engine.AtLeast(rev), engine.AtLeast(rev - 1), engine.AtLeast(0),
	} {
		snap := s.read(c, "k")
		require.GreaterOrEqual(s, snap.Revision, rev, "%+v", c)
		require.Equal(s, "new", string(snap.Records[0].Value), "%+v", c)
	}
	snap := s.read(engine.Bounded(time.Hour), "k")
	require.LessOrEqual(s, snap.Records[0].Version, snap.Revision)
}

// readGuess holds for any store: what it guesses was true at some time, and a
// commit that checks a guess is applied only where the guess is right.
func readGuess(s *storeTest) {
	versions := map[engine.Revision]string{0: "", s.put("k", "1"): "1"}
	for n := range 6 {
		snap, err := s.Read(s.ctx, engine.Guess, "k", "never")
		require.NoError(s, err)
		require.Equal(s, []string{"k", "never"}, []string{snap.Records[0].Key, snap.Records[1].Key})
		require.False(s, snap.Records[1].Exists())
		guess := snap.Records[0]
		require.Contains(s, versions, guess.Version)
		require.Equal(s, versions[guess.Version], string(guess.Value))

		truth := s.read(engine.Strict, "k").Records[0]
		value := fmt.Sprint("guess ", n)
		rev, err := s.Commit(s.ctx, engine.Commit{
			Checks: []engine.Check{{Key: "k", Version: guess.Version}},
			Writes: []engine.Write{{Key: "k", Value: []byte(value)}},
		})
		if guess.Version == truth.Version {
			require.NoError(s, err)
			versions[rev] = value
		} else {
			require.ErrorIs(s, err, engine.ErrConflict)
		}
		if n == 3 {
			s.delete("k")
		}
	}
	_, err := s.List(s.ctx, engine.ListRequest{Consistency: engine.Guess, Prefixes: []string{""}, Limit: 1})
	s.refused(err, engine.CodeInvalid, "guessed")
}

func readFuture(s *storeTest) {
	rev := s.put("k", "v")
	for _, c := range []engine.Consistency{engine.AtLeast(rev + 1000), engine.AsOf(rev + 1000)} {
		_, err := s.Read(s.ctx, c, "k")
		s.refused(err, engine.CodeUnavailable, fmt.Sprint(rev+1000))
		_, err = s.List(s.ctx, engine.ListRequest{Consistency: c, Prefixes: []string{""}, Limit: 1})
		s.refused(err, engine.CodeUnavailable, fmt.Sprint(rev+1000))
	}
}

func readCompacted(s *storeTest) {
	first := s.put("k", "1")
	s.put("gone", "1")
	s.delete("gone")
	second := s.put("k", "2")
	third := s.put("k", "3")
	s.compact(second)
	for range 2 { // reading at a kept revision changes nothing
		_, err := s.Read(s.ctx, engine.AsOf(first), "k")
		require.ErrorIs(s, err, engine.ErrCompacted)
		_, err = s.Read(s.ctx, engine.AsOf(first), "k", "gone")
		require.ErrorIs(s, err, engine.ErrCompacted)
		snap := s.read(engine.AsOf(second), "k", "gone")
		require.Equal(s, "2", string(snap.Records[0].Value))
		require.False(s, snap.Records[1].Exists())
		require.Equal(s, "3", string(s.read(engine.AsOf(third), "k").Records[0].Value))
		require.Equal(s, third, s.read(engine.Strict, "k").Records[0].Version)
	}
}

func readLimits(s *storeTest) {
	keys := make([]string, engine.MaxCommitChecks)
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	s.read(engine.Strict, keys...)
	longest := strings.Repeat("k", engine.MaxKeyBytes)
	s.put(longest, "v")
	require.Equal(s, "v", s.value(longest))

	for _, test := range []struct {
		c    engine.Consistency
		keys []string
		says string
	}{
		{engine.Strict, append(slices.Clip(keys), "one more"), "at most 120"},
		{engine.Strict, []string{"k", ""}, "empty"},
		{engine.Strict, []string{longest + "k"}, "1025 bytes"},
		{engine.AsOf(0), []string{"k"}, "revision 0"},
		{engine.AsOf(-1), []string{"k"}, "revision -1"},
		{engine.Consistency{Mode: engine.ModeGuess + 1}, []string{"k"}, "mode"},
	} {
		_, err := s.Read(s.ctx, test.c, test.keys...)
		s.refused(err, engine.CodeInvalid, test.says)
	}
}

func readDeadline(s *storeTest) {
	s.put("k", "v")
	past, cancel := context.WithDeadline(s.ctx, time.Now().Add(-time.Second))
	defer cancel()
	for _, c := range []engine.Consistency{engine.Strict, engine.AtLeast(1)} {
		_, err := s.Read(past, c, "k")
		s.refused(err, engine.CodeDeadline, "")
		require.ErrorIs(s, err, context.DeadlineExceeded)
		_, err = s.List(past, engine.ListRequest{Consistency: c, Prefixes: []string{""}, Limit: 1})
		s.refused(err, engine.CodeDeadline, "")
	}
}
