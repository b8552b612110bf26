package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/credence-engine/credence/engine"
)

// behindProxy returns a store that reaches its cluster through a proxy, and
// one that reaches it directly.
func behindProxy(t *testing.T) (through, direct *Store, p *proxy, c *cluster) {
	t.Helper()
	c = startCluster(t, nil)
	p = startProxy(t, c.addr)
	return open(t, Options{Endpoints: []string{p.addr()}}), open(t, Options{Endpoints: []string{c.addr}}), p, c
}

func TestACommitWhoseAnswerIsLostIsAppliedOnceAndReported(t *testing.T) {
	store, direct, p, _ := behindProxy(t)
	value := fmt.Sprintf("%0200d", 1) // larger than what the proxy takes for housekeeping
	for _, test := range []struct {
		name              string
		answers, requests int32
	}{
		{"answer lost", 1, 0},
		{"request lost", 0, 1},
		{"answers lost again and again", 3, 0},
		{"one of each", 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			key, marker := "k/"+test.name, "op/"+test.name
			before, err := direct.Revision(t.Context())
			require.NoError(t, err)
			p.loseAnswers.Store(test.answers)
			p.loseRequests.Store(test.requests)
			rev, err := store.Commit(t.Context(), engine.Commit{ // without checks: the marker alone must do it
				Writes: []engine.Write{{Key: key, Value: []byte(value)}, {Key: marker, Value: []byte(value)}},
				Marker: marker,
			})
			require.NoError(t, err)
			require.Negative(t, p.loseAnswers.Load()+p.loseRequests.Load(), "the fault was not met")
			snap, err := direct.Read(t.Context(), engine.Strict, key, marker)
			require.NoError(t, err)
			require.Equal(t, rev, snap.Records[0].Version)
			require.Equal(t, rev, snap.Records[1].Version)
			require.Equal(t, before+1, snap.Revision, "it was applied more than once")
		})
	}
}

func TestACommitWithoutAMarkerAdmitsThatItDoesNotKnow(t *testing.T) {
	store, direct, p, _ := behindProxy(t)
	p.loseAnswers.Store(1)
	_, err := store.Commit(t.Context(), engine.Commit{
		Checks: []engine.Check{{Key: "k"}},
		Writes: []engine.Write{{Key: "k", Value: fmt.Appendf(nil, "%0200d", 1)}},
	})
	require.ErrorIs(t, err, engine.ErrUnknownOutcome, "the conflict is with itself")
	require.NotEmpty(t, valueOf(t, direct, "k"))
}

func TestACommitThatCannotBeSettledInTimeIsOfUnknownOutcome(t *testing.T) {
	store, _, p, c := behindProxy(t)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	p.stalled.Store(true)
	_, err := store.Commit(ctx, engine.Commit{Writes: []engine.Write{{Key: "m"}}, Marker: "m"})
	require.ErrorIs(t, err, engine.ErrUnknownOutcome)
	require.Equal(t, engine.CodeUnavailable, engine.CodeOf(err))
	p.stalled.Store(false)

	c.stop()
	p.cut()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := store.Commit(ctx, put("k", "v"))
		require.Equal(t, engine.CodeUnavailable, engine.CodeOf(err))
		return !errors.Is(err, engine.ErrUnknownOutcome)
	}, 10*time.Second, time.Millisecond, "what was never sent is known not to be applied")
	ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = store.Read(ctx, engine.Strict, "k")
	require.Equal(t, engine.CodeUnavailable, engine.CodeOf(err), "%v", err)
	ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	require.Equal(t, engine.CodeUnavailable, engine.CodeOf(store.Ready(ctx)))
}

func TestCountersStayRightWhileConnectionsAreCut(t *testing.T) {
	store, direct, p, _ := behindProxy(t)
	const clients, each = 4, 25
	var cutter sync.WaitGroup
	cutter.Go(func() {
		for n := range 40 { // and not for ever: each new connection may be the next to be cut
			switch n % 3 {
			case 0:
				p.loseAnswers.Store(1)
			case 1:
				p.loseRequests.Store(1)
			case 2:
				p.cut()
			}
			time.Sleep(30 * time.Millisecond)
		}
	})
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			for i := range each {
				if err := add(t.Context(), store, fmt.Sprintf("op/%d/%d", client, i)); err != nil {
					t.Errorf("client %d: %v", client, err)
					return
				}
			}
		})
	}
	wg.Wait()
	cutter.Wait()
	require.Equal(t, strconv.Itoa(clients*each), valueOf(t, direct, "n"))
}

// add increments the counter n once, however often it must try.
func add(ctx context.Context, store engine.Store, marker string) error {
	for {
		snap, err := store.Read(ctx, engine.Strict, "n")
		if err != nil {
			return err
		}
		n, _ := strconv.Atoi(string(snap.Records[0].Value))
		_, err = store.Commit(ctx, engine.Commit{
			Checks: []engine.Check{{Key: "n", Version: snap.Records[0].Version}},
			Writes: []engine.Write{{Key: "n", Value: []byte(strconv.Itoa(n + 1))}, {Key: marker}},
			Marker: marker,
		})
		if !errors.Is(err, engine.ErrConflict) {
			return err
		}
	}
}

// TestNothingAcknowledgedIsLostWhenEtcdIsGone writes and watches while the
// cluster is stopped for two seconds.
func TestNothingAcknowledgedIsLostWhenEtcdIsGone(t *testing.T) {
	c := startCluster(t, nil)
	var log logBuffer
	store := open(t, Options{Endpoints: []string{c.addr}, Logger: log.logger()})
	start, err := store.Revision(t.Context())
	require.NoError(t, err)
	watching, stopWatching := context.WithCancel(t.Context())
	var watcher sync.WaitGroup
	var seen []string
	watcher.Go(func() {
		for changes, err := range store.Watch(watching, "w/", start) {
			if err != nil {
				t.Errorf("watch: %v", err)
				return
			}
			for _, e := range changes.Events {
				seen = append(seen, e.Key)
			}
		}
	})

	writing, stopWriting := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	acknowledged := make([][]string, 4)
	for client := range acknowledged {
		writers.Go(func() {
			for i := 0; writing.Err() == nil; i++ {
				key := fmt.Sprintf("w/%d/%06d", client, i)
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond+time.Duration(client)*5*time.Second)
				_, err := store.Commit(ctx, engine.Commit{Writes: []engine.Write{{Key: key}}, Marker: key})
				cancel()
				if err == nil {
					acknowledged[client] = append(acknowledged[client], key)
				} else if engine.CodeOf(err) != engine.CodeUnavailable {
					t.Errorf("commit: %v", err)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	c.stop()
	time.Sleep(2 * time.Second)
	c.start()
	time.Sleep(time.Second)
	stopWriting()
	writers.Wait()

	for client, keys := range acknowledged {
		require.NotEmpty(t, keys)
		for chunk := range slices.Chunk(keys, engine.MaxCommitChecks) {
			snap, err := store.Read(t.Context(), engine.Strict, chunk...)
			require.NoError(t, err)
			for _, r := range snap.Records {
				require.True(t, r.Exists(), "client %d: %s was acknowledged and is gone", client, r.Key)
			}
		}
	}
	var all []string
	list := engine.ListRequest{Prefixes: []string{"w/"}, Limit: engine.MaxListLimit}
	for more := true; more; {
		page, err := store.List(t.Context(), list)
		require.NoError(t, err)
		for _, r := range page.Records {
			all = append(all, r.Key)
			list.After = r.Key
		}
		more = page.More
	}
	last, err := store.Commit(t.Context(), put("w/last", ""))
	require.NoError(t, err)
	require.Positive(t, last)
	time.Sleep(300 * time.Millisecond)
	stopWatching()
	watcher.Wait()
	slices.Sort(seen)
	require.Equal(t, append(all, "w/last"), seen, "the watch tells each change once, across the gap")
}

func TestAWatchIsResumedWhenItsConnectionIsCut(t *testing.T) {
	store, direct, p, _ := behindProxy(t)
	start, err := direct.Revision(t.Context())
	require.NoError(t, err)
	const writes = 60
	var writer sync.WaitGroup
	defer writer.Wait()
	writer.Go(func() {
		for i := range writes {
			if _, err := direct.Commit(t.Context(), put("w", strconv.Itoa(i))); err != nil {
				t.Errorf("commit: %v", err)
			}
			if i%10 == 5 {
				p.cut()
				time.Sleep(20 * time.Millisecond)
			}
		}
	})
	next := 0
	for changes, err := range store.Watch(t.Context(), "w", start) {
		require.NoError(t, err)
		require.Len(t, changes.Events, 1)
		require.Equal(t, strconv.Itoa(next), string(changes.Events[0].Value))
		if next++; next == writes {
			break
		}
	}
	require.Equal(t, writes, next)
}

// briefWatcher ends each watch after one response.
type briefWatcher struct {
	clientv3.Watcher
	watches atomic.Int32
}

func (w *briefWatcher) Watch(ctx context.Context, key string, options ...clientv3.OpOption) clientv3.WatchChan {
	w.watches.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	responses := w.Watcher.Watch(ctx, key, options...)
	brief := make(chan clientv3.WatchResponse, 1)
	go func() {
		defer close(brief)
		defer cancel()
		if response, ok := <-responses; ok {
			brief <- response
		}
	}()
	return brief
}

func TestAWatchThatEtcdEndsIsResumedWithoutGapOrRepeat(t *testing.T) {
	store := open(t, Options{DataDir: t.TempDir()})
	watcher := &briefWatcher{Watcher: store.client.Watcher}
	store.client.Watcher = watcher
	start, err := store.Commit(t.Context(), put("w", "before"))
	require.NoError(t, err)
	const writes = 12
	var writer sync.WaitGroup
	defer writer.Wait()
	writer.Go(func() {
		for i := range writes {
			if _, err := store.Commit(t.Context(), put("w", strconv.Itoa(i))); err != nil {
				t.Errorf("commit: %v", err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	next := 0
	for changes, err := range store.Watch(t.Context(), "w", start) {
		require.NoError(t, err)
		require.Len(t, changes.Events, 1)
		require.Equal(t, strconv.Itoa(next), string(changes.Events[0].Value))
		if next++; next == writes {
			break
		}
	}
	require.Equal(t, writes, next)
	require.Greater(t, watcher.watches.Load(), int32(1), "the watch was never interrupted")
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	c := startCluster(t, nil)
	p := startProxy(t, c.addr)
	for name, o := range map[string]Options{
		"embedded": {DataDir: t.TempDir()}, "external": {Endpoints: []string{c.addr}}, "unreachable": {Endpoints: []string{p.addr()}},
	} {
		t.Run(name, func(t *testing.T) {
			store := open(t, o)
			if name == "unreachable" {
				p.stalled.Store(true)
			}
			watched, written := make(chan error, 1), make(chan error, 1)
			var wg sync.WaitGroup
			wg.Go(func() {
				for _, err := range store.Watch(t.Context(), "w/", 1) {
					watched <- err
				}
				close(watched)
			})
			wg.Go(func() {
				for {
					if _, err := store.Commit(t.Context(), put("k", "v")); err != nil {
						written <- err
						return
					}
				}
			})
			time.Sleep(100 * time.Millisecond)
			started := time.Now()
			require.NoError(t, store.Close())
			require.Less(t, time.Since(started), 5*time.Second)
			require.Equal(t, engine.CodeUnavailable, engine.CodeOf(<-watched))
			require.Equal(t, engine.CodeUnavailable, engine.CodeOf(<-written))
			wg.Wait()

			require.NoError(t, store.Close(), "closing again is harmless")
			_, err := store.Read(t.Context(), engine.Strict, "k")
			require.ErrorIs(t, err, errClosed)
			_, err = store.List(t.Context(), engine.ListRequest{Prefixes: []string{""}, Limit: 1})
			require.ErrorIs(t, err, errClosed)
			_, err = store.Commit(t.Context(), put("k", "v"))
			require.ErrorIs(t, err, errClosed)
			require.ErrorIs(t, store.Ready(t.Context()), errClosed)
			require.ErrorIs(t, store.Compact(t.Context(), 1), errClosed)
			for _, err := range store.Watch(t.Context(), "w/", 1) {
				require.ErrorIs(t, err, errClosed)
			}
		})
	}
}
