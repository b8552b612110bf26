package enginetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func commitChecks(s *storeTest) {
	old := s.put("k", "1")
	now := s.put("k", "2")
	gone := s.put("gone", "1")
	s.delete("gone")
	for _, test := range []struct {
		check engine.Check
		holds bool
	}{
		{engine.Check{Key: "k", Version: now}, true},
		{engine.Check{Key: "k", Version: old}, false},
		{engine.Check{Key: "k"}, false},
		{engine.Check{Key: "k", Version: now + 1}, false},
		{engine.Check{Key: "absent"}, true},
		{engine.Check{Key: "absent", Version: now}, false},
		{engine.Check{Key: "gone"}, true},
		{engine.Check{Key: "gone", Version: gone}, false},
	} {
		rev, err := s.Commit(s.ctx, engine.Commit{
			Checks: []engine.Check{{Key: "never"}, test.check},
			Writes: []engine.Write{{Key: "outcome", Value: []byte("v")}},
		})
		if test.holds {
			require.NoError(s, err, "%+v", test.check)
			require.Equal(s, rev, s.read(engine.Strict, "outcome").Records[0].Version)
		} else {
			require.ErrorIs(s, err, engine.ErrConflict, "%+v", test.check)
			require.Zero(s, rev)
		}
	}
	rev := s.commit(engine.Commit{
		Checks: []engine.Check{{Key: "a"}, {Key: "k", Version: now}},
		Writes: []engine.Write{{Key: "a", Value: []byte("A")}, {Key: "b", Value: []byte("B")}, {Key: "k", Delete: true}},
	})
	snap := s.read(engine.Strict, "a", "b", "k")
	require.Equal(s, rev, snap.Records[0].Version)
	require.Equal(s, rev, snap.Records[1].Version, "one commit is one revision")
	require.False(s, snap.Records[2].Exists())
	require.Greater(s, rev, now)
}

func commitConflict(s *storeTest) {
	s.put("k", "1")
	before := s.read(engine.Strict, "k", "other", "marker")
	_, err := s.Commit(s.ctx, engine.Commit{
		Checks: []engine.Check{{Key: "other"}, {Key: "k"}},
		Writes: []engine.Write{
			{Key: "k", Delete: true}, {Key: "other", Value: []byte("x")}, {Key: "marker", Value: []byte("m")},
		},
		Marker: "marker",
	})
	require.ErrorIs(s, err, engine.ErrConflict)
	require.Equal(s, before, s.read(engine.Strict, "k", "other", "marker"))
}

func commitDelete(s *storeTest) {
	first := s.put("k", "1")
	gone := s.delete("k")
	require.Greater(s, gone, first)
	r := s.read(engine.Strict, "k").Records[0]
	require.False(s, r.Exists())
	require.Empty(s, r.Value)
	require.Empty(s, s.list(engine.ListRequest{Prefixes: []string{"k"}, Limit: 1}).Records)
	again := s.put("k", "2")
	require.Equal(s, again, s.read(engine.Strict, "k").Records[0].Version, "a key begins anew after its deletion")
}

func commitNothing(s *storeTest) {
	rev := s.put("k", "1")
	require.Equal(s, rev, s.commit(engine.Commit{Checks: []engine.Check{{Key: "k", Version: rev}}}))
	require.Equal(s, rev, s.read(engine.Strict).Revision)
	_, err := s.Commit(s.ctx, engine.Commit{Checks: []engine.Check{{Key: "k"}}})
	require.ErrorIs(s, err, engine.ErrConflict)
	require.LessOrEqual(s, rev, s.delete("absent"))
	require.Equal(s, rev, s.read(engine.Strict, "k", "absent").Records[0].Version)
}

func commitMarker(s *storeTest) {
	once := engine.Commit{
		Checks: []engine.Check{{Key: "k"}},
		Writes: []engine.Write{{Key: "k", Value: []byte("1")}, {Key: "op/1", Value: nil}},
		Marker: "op/1",
	}
	first := s.commit(once)
	require.Equal(s, first, s.commit(once), "the same commit again is the same commit")
	require.Equal(s, first, s.read(engine.Strict, "k").Records[0].Version)
	s.put("k", "2")
	require.Equal(s, first, s.commit(once), "even when the checks no longer hold")
	require.Equal(s, "2", s.value("k"))

	other := once
	other.Writes = []engine.Write{{Key: "k", Value: []byte("3")}, {Key: "op/2"}}
	other.Marker = "op/2"
	_, err := s.Commit(s.ctx, other)
	require.ErrorIs(s, err, engine.ErrConflict)
	require.False(s, s.read(engine.Strict, "op/2").Records[0].Exists())

	// Many at a time: one is applied, all learn its revision.
	racers := engine.Commit{Writes: []engine.Write{{Key: "op/3"}, {Key: "race"}}, Marker: "op/3"}
	revs := make([]engine.Revision, 8)
	var wg sync.WaitGroup
	for i := range revs {
		wg.Go(func() {
			rev, err := s.Commit(s.ctx, racers)
			if err != nil {
				s.Errorf("commit: %v", err)
			}
			revs[i] = rev
		})
	}
	wg.Wait()
	version := s.read(engine.Strict, "race").Records[0].Version
	for _, rev := range revs {
		require.Equal(s, version, rev)
	}
}

func commitLimits(s *storeTest) {
	rev := s.put("k", "1")
	put := func(keys ...string) []engine.Write {
		writes := make([]engine.Write, len(keys))
		for i, key := range keys {
			writes[i] = engine.Write{Key: key, Value: []byte("v")}
		}
		return writes
	}
	var checks []engine.Check
	var writes []engine.Write
	for i := range 121 {
		checks = append(checks, engine.Check{Key: fmt.Sprint("c", i)})
		writes = append(writes, engine.Write{Key: fmt.Sprint("w", i)})
	}
	long := strings.Repeat("k", engine.MaxKeyBytes+1)
	for _, test := range []struct {
		c    engine.Commit
		says string
	}{
		{engine.Commit{Checks: checks}, "121 checks; at most 120"},
		{engine.Commit{Writes: writes}, "121 writes; at most 120"},
		{engine.Commit{Checks: []engine.Check{{Key: ""}}}, "empty"},
		{engine.Commit{Checks: []engine.Check{{Key: long}}}, "1025 bytes"},
		{engine.Commit{Writes: put("a", "")}, "empty"},
		{engine.Commit{Writes: put(long)}, "1025 bytes"},
		{engine.Commit{Writes: put("a", "b", "a")}, "twice"},
		{engine.Commit{Writes: []engine.Write{{Key: "a"}, {Key: "a", Delete: true}}}, "twice"},
		{engine.Commit{Writes: []engine.Write{{Key: "a", Value: make([]byte, engine.MaxCommitBytes)}}}, "1048576"},
		{engine.Commit{Writes: put("a"), Marker: "m"}, "marker"},
		{engine.Commit{Writes: []engine.Write{{Key: "m", Delete: true}}, Marker: "m"}, "marker"},
		{engine.Commit{Writes: []engine.Write{{Key: "m", Ephemeral: true}}, Marker: "m"}, "marker"},
	} {
		_, err := s.Commit(s.ctx, test.c)
		s.refused(err, engine.CodeInvalid, test.says)
	}
	require.Equal(s, rev, s.read(engine.Strict).Revision, "what is refused changes nothing")
}

func commitLargest(s *storeTest) {
	c := engine.Commit{Marker: "marker"}
	for i := range engine.MaxCommitChecks {
		c.Checks = append(c.Checks, engine.Check{Key: fmt.Sprintf("c/%04d", i)})
	}
	room := engine.MaxCommitBytes - len(c.Checks)*len("c/0000")
	for i := range engine.MaxCommitWrites - 1 {
		w := engine.Write{Key: fmt.Sprintf("w/%04d", i), Value: make([]byte, 8192)}
		room -= len(w.Key) + len(w.Value)
		c.Writes = append(c.Writes, w)
	}
	c.Writes = append(c.Writes, engine.Write{Key: "marker", Value: make([]byte, room-len("marker"))})
	rev := s.commit(c)
	page := s.list(engine.ListRequest{Prefixes: []string{"w/"}, Limit: engine.MaxListLimit})
	require.Len(s, page.Records, engine.MaxCommitWrites-1)
	require.Equal(s, rev, page.Records[0].Version)

	whole := engine.Commit{Writes: []engine.Write{{Key: "w", Value: make([]byte, engine.MaxCommitBytes-1)}}}
	s.commit(whole)
	require.Len(s, s.value("w"), engine.MaxCommitBytes-1)
}

func commitCounters(s *storeTest) {
	const clients, each = 8, 20
	keys := []string{"n/0", "n/1"}
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			for i := range each {
				if err := increment(s.ctx, s.Store, keys[(client+i)%2], fmt.Sprintf("op/%d/%d", client, i)); err != nil {
					s.Errorf("client %d: %v", client, err)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, key := range keys {
		require.Equal(s, strconv.Itoa(clients*each/2), s.value(key))
	}
}

// increment adds one to a counter, however often others are faster.
func increment(ctx context.Context, store engine.Store, key, marker string) error {
	for {
		snap, err := store.Read(ctx, engine.Strict, key)
		if err != nil {
			return err
		}
		n := 0
		if snap.Records[0].Exists() {
			if n, err = strconv.Atoi(string(snap.Records[0].Value)); err != nil {
				return err
			}
		}
		_, err = store.Commit(ctx, engine.Commit{
			Checks: []engine.Check{{Key: key, Version: snap.Records[0].Version}},
			Writes: []engine.Write{{Key: key, Value: []byte(strconv.Itoa(n + 1))}, {Key: marker}},
			Marker: marker,
		})
		if !errors.Is(err, engine.ErrConflict) {
			return err
		}
	}
}

func commitSlices(s *storeTest) {
	value := []byte("original")
	c := engine.Commit{
		Checks: []engine.Check{{Key: "k"}},
		Writes: []engine.Write{{Key: "k", Value: value}, {Key: "m", Value: value}},
		Marker: "m",
	}
	s.commit(c)
	require.Equal(s, engine.Check{Key: "k"}, c.Checks[0])
	require.Equal(s, "original", string(c.Writes[0].Value))
	copy(value, "tampered")
	c.Writes[0] = engine.Write{Key: "x"}
	require.Equal(s, "original", s.value("k"))
	require.Equal(s, "original", s.value("m"))

	keys := []string{"m", "k"}
	snap := s.read(engine.Strict, keys...)
	keys[0] = "x"
	require.Equal(s, "m", snap.Records[0].Key)
	s.put("k", "replaced")
	require.Equal(s, "original", string(snap.Records[1].Value), "an answer does not change afterwards")
}

func commitDeadline(s *storeTest) {
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	_, err := s.Commit(ended, engine.Commit{Writes: []engine.Write{{Key: "k"}, {Key: "m"}}, Marker: "m"})
	s.refused(err, engine.CodeUnavailable, "nothing was changed")
	require.ErrorIs(s, err, context.Canceled)
	require.False(s, s.read(engine.Strict, "k").Records[0].Exists())
}
