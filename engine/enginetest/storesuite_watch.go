package enginetest

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

// collect ranges over a watch until n changes have come.
func (s *storeTest) collect(prefix string, after engine.Revision, n int) []engine.Changes {
	s.Helper()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	var all []engine.Changes
	for changes, err := range s.Watch(ctx, prefix, after) {
		require.NoError(s, err)
		if all = append(all, changes); len(all) == n {
			break
		}
	}
	require.Len(s, all, n, "the watch ended early")
	return all
}

// told writes changes as text, the events of each in key order.
func told(all ...engine.Changes) []string {
	var lines []string
	for _, changes := range all {
		events := slices.Clone(changes.Events)
		slices.SortFunc(events, func(a, b engine.Event) int { return strings.Compare(a.Key, b.Key) })
		var line strings.Builder
		fmt.Fprint(&line, changes.Revision)
		for _, e := range events {
			if e.Version != changes.Revision {
				fmt.Fprintf(&line, " (version %d)", e.Version)
			}
			if e.Deleted {
				fmt.Fprintf(&line, " -%s", e.Key)
			} else {
				fmt.Fprintf(&line, " %s=%s", e.Key, e.Value)
			}
		}
		lines = append(lines, line.String())
	}
	return lines
}

func watchOrder(s *storeTest) {
	start := s.put("w/0", "before")
	one := s.put("w/a", "1")
	s.put("other", "x")
	two := s.commit(engine.Commit{Writes: []engine.Write{
		{Key: "w/b", Value: []byte("2")},
		{Key: "other", Value: []byte("y")},
		{Key: "w/a", Value: []byte("2")},
		{Key: "w/0", Delete: true},
	}})
	three := s.put("w/a", "3")
	want := []string{
		fmt.Sprintf("%d w/a=1", one),
		fmt.Sprintf("%d -w/0 w/a=2 w/b=2", two),
		fmt.Sprintf("%d w/a=3", three),
	}
	require.Equal(s, want, told(s.collect("w/", start, 3)...))
	require.Equal(s, want[1:], told(s.collect("w/", one, 2)...), "after is exclusive")
	require.Equal(s, want[2:], told(s.collect("w/", three-1, 1)...), "any revision may be named")
}

func watchFromNow(s *storeTest) {
	s.put("w/old", "1")
	began := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	wg.Go(func() { // keeps writing, because only a delivery tells that the watch has begun
		<-began
		for i := 0; ctx.Err() == nil; i++ {
			if _, err := s.Commit(ctx, engine.Commit{Writes: []engine.Write{{Key: "w/new", Value: []byte(fmt.Sprint(i))}}}); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
	close(began)
	last := -1
	for changes, err := range s.Watch(ctx, "w/", 0) {
		require.NoError(s, err)
		for _, e := range changes.Events {
			require.Equal(s, "w/new", e.Key, "what was there before is not told")
			var i int
			_, err := fmt.Sscan(string(e.Value), &i)
			require.NoError(s, err)
			if last >= 0 {
				require.Equal(s, last+1, i, "from the first delivery on, nothing is left out")
			}
			last = i
		}
		if last > 20 {
			break
		}
	}
}

func watchPrefix(s *storeTest) {
	start := s.put("x", "0")
	for _, key := range []string{"w", "w/", "w/\xff", "w0", "w.", "v", "w/\xffz"} {
		s.put(key, "v")
	}
	end := s.put("w/end", "v")
	var got []string
	for _, changes := range s.collect("w/", start, 4) {
		for _, e := range changes.Events {
			got = append(got, e.Key)
		}
	}
	require.Equal(s, []string{"w/", "w/\xff", "w/\xffz", "w/end"}, got)
	require.Equal(s, []string{fmt.Sprintf("%d w/end=v", end)}, told(s.collect("w/e", start, 1)...))
	all := s.collect("", start, 8)
	require.Equal(s, end, all[7].Revision, "the empty prefix is all keys")
	one := s.collect("w/\xff", start, 2)
	require.Equal(s, "w/\xff", one[0].Events[0].Key)
}

func watchDelete(s *storeTest) {
	start := s.put("w/k", "1")
	s.delete("w/absent")
	gone := s.delete("w/k")
	back := s.put("w/k", "2")
	got := s.collect("w/", start, 2)
	require.Equal(s, []string{fmt.Sprintf("%d -w/k", gone), fmt.Sprintf("%d w/k=2", back)}, told(got...))
	require.Empty(s, got[0].Events[0].Value)
	require.False(s, got[1].Events[0].Deleted)
}

// watchLive leaves a watch idle, then measures how soon changes arrive. A
// store that polls shows it by a delay of about its period.
func watchLive(s *storeTest) {
	start := s.put("w/0", "v")
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	arrived := make(chan engine.Revision)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		for changes, err := range s.Watch(ctx, "w/", start) {
			if err != nil {
				s.Errorf("watch: %v", err)
				return
			}
			select {
			case arrived <- changes.Revision:
			case <-ctx.Done():
				return
			}
		}
	})
	var delays []time.Duration
	for range 5 {
		time.Sleep(50 * time.Millisecond) // idle
		rev := s.put("w/k", "v")
		written := time.Now()
		select {
		case got := <-arrived:
			require.Equal(s, rev, got)
		case <-s.ctx.Done():
			s.Fatal("the change did not arrive")
		}
		delays = append(delays, time.Since(written))
	}
	slices.Sort(delays)
	require.Less(s, delays[len(delays)/2], 250*time.Millisecond, "half of the changes came later than this: does the store poll?")
}

func watchEnd(s *storeTest) {
	start := s.put("w/k", "v")
	ctx, cancel := context.WithTimeout(s.ctx, 100*time.Millisecond)
	defer cancel()
	for changes, err := range s.Watch(ctx, "w/", start) {
		require.NoError(s, err)
		s.Fatalf("nothing was changed, and yet there is %v", told(changes))
	}
	require.Error(s, ctx.Err(), "the watch ended by itself")
	for _, err := range s.Watch(ctx, "w/", 0) {
		s.Fatalf("a watch under an ended context yields nothing, not even %v", err)
	}
}

// watchBehind changes more, while the watcher sleeps, than any buffer holds.
func watchBehind(s *storeTest) {
	start := s.put("w/start", "v")
	const batches, writes = 12, 20
	value := make([]byte, 20<<10) // 4.8 MB: more than one message of etcd
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	next, stop := iter.Pull2(s.Watch(ctx, "w/", start))
	defer stop()
	first := s.put("w/first", "v")
	changes, err, ok := next()
	require.True(s, ok)
	require.NoError(s, err)
	require.Equal(s, first, changes.Revision)
	var revs []engine.Revision
	for batch := range batches {
		var c engine.Commit
		for i := range writes {
			c.Writes = append(c.Writes, engine.Write{Key: fmt.Sprintf("w/%d/%d", batch, i), Value: value})
		}
		revs = append(revs, s.commit(c))
	}
	check := func(changes engine.Changes, i int) {
		require.Equal(s, revs[i], changes.Revision)
		require.Len(s, changes.Events, writes, "a revision comes whole")
	}
	for i := range revs {
		changes, err, ok := next()
		require.True(s, ok)
		require.NoError(s, err)
		check(changes, i)
	}
	for i, changes := range s.collect("w/", first, batches) {
		check(changes, i)
	}
}

func watchMany(s *storeTest) {
	const watchers, writes = 10, 50
	start := s.put("w/start", "v")
	var wg sync.WaitGroup
	seen := make([][]string, watchers)
	for i := range watchers {
		wg.Go(func() {
			for changes, err := range s.Watch(s.ctx, "w/", start) {
				if err != nil {
					s.Errorf("watcher %d: %v", i, err)
					return
				}
				if seen[i] = append(seen[i], told(changes)...); len(seen[i]) == writes {
					return
				}
			}
		})
	}
	var want []string
	for i := range writes {
		want = append(want, fmt.Sprintf("%d w/k=%d", s.put("w/k", fmt.Sprint(i)), i))
	}
	wg.Wait()
	for i := range watchers {
		require.Equal(s, want, seen[i], "watcher %d", i)
	}
}

func watchCompacted(s *storeTest) {
	first := s.put("w/k", "1")
	s.put("w/k", "2")
	third := s.put("w/k", "3")
	fourth := s.put("w/k", "4")
	s.compact(third)
	require.Equal(s, []string{fmt.Sprintf("%d w/k=4", fourth)}, told(s.collect("w/", third, 1)...), "what follows is kept")
	n := 0
	for changes, err := range s.Watch(s.ctx, "w/", first) {
		require.ErrorIs(s, err, engine.ErrCompacted, "%v", told(changes))
		n++
	}
	require.Equal(s, 1, n, "one error, then the end")
}

func watchBreak(s *storeTest) {
	start := s.put("w/k", "0")
	s.put("w/k", "1")
	s.collect("w/", start, 1) // settles what the first watch of a store starts once
	before := runtime.NumGoroutine()
	for range 15 {
		for range s.Watch(s.ctx, "w/", start) { //nolint:errcheck // left at once
			break
		}
	}
	require.Eventually(s, func() bool { return runtime.NumGoroutine() <= before+5 }, patience, 10*time.Millisecond,
		"watches that were left go on running")
}

func watchAgain(s *storeTest) {
	start := s.put("w/k", "0")
	s.put("w/k", "1")
	s.put("w/k", "2")
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	watch := s.Watch(ctx, "w/", start)
	for range 2 {
		var got []engine.Changes
		for changes, err := range watch {
			require.NoError(s, err)
			if got = append(got, changes); len(got) == 2 {
				break
			}
		}
		require.Equal(s, s.collect("w/", start, 2), got)
	}
}
