package epoch_test

import (
	"context"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/etcdstore/epoch"
)

// faulty is a way to the state that counts its reads and bends its watch.
type faulty struct {
	*enginetest.Session
	reads atomic.Int64
	took  time.Duration // of each read
	// bend changes what the watch tells, or returns nil to leave it out.
	bend func(engine.Changes) *engine.Changes
	// down has reads try in vain for as long as they may.
	down atomic.Bool
	// stop ends watches with an error, those to come too.
	stop atomic.Pointer[engine.Error]
}

func (f *faulty) Read(ctx context.Context, c engine.Consistency, keys ...string) (engine.Snapshot, error) {
	f.reads.Add(1)
	time.Sleep(f.took) // simulated
	if f.down.Load() {
		<-ctx.Done()
		return engine.Snapshot{}, engine.Errorf(engine.CodeUnavailable, "nobody is there")
	}
	return f.Session.Read(ctx, c, keys...)
}

func (f *faulty) Watch(ctx context.Context, prefix string, after engine.Revision) iter.Seq2[engine.Changes, error] {
	return func(yield func(engine.Changes, error) bool) {
		if err := f.stop.Load(); err != nil {
			yield(engine.Changes{}, err)
			return
		}
		for changes, err := range f.Session.Watch(ctx, prefix, after) {
			if stop := f.stop.Load(); stop != nil {
				yield(engine.Changes{}, stop)
				return
			}
			if err == nil && f.bend != nil {
				bent := f.bend(changes)
				if bent == nil {
					continue
				}
				changes = *bent
			}
			if !yield(changes, err) {
				return
			}
		}
	}
}

// cluster is a node behind a faulty way, and another that is well.
type cluster struct {
	t     *testing.T
	way   *faulty
	store node
	other node
}

func newCluster(t *testing.T, way *faulty, o epoch.Options) *cluster {
	t.Helper()
	state := enginetest.NewMemoryStore()
	way.Session = state.Session()
	o.Bytes = epoch.DefaultBytes
	c := &cluster{t: t, way: way, store: newNode(t, way, o), other: newNode(t, state.Session(), epoch.Options{})}
	synctest.Wait()
	return c
}

// put writes the key k on the other node.
func (c *cluster) put(value string) engine.Revision {
	c.t.Helper()
	rev, err := c.other.Commit(c.t.Context(), engine.Commit{Writes: []engine.Write{{Key: "k", Value: []byte(value)}}})
	require.NoError(c.t, err)
	return rev
}

func (c *cluster) read(how engine.Consistency, key string) string {
	c.t.Helper()
	snap, err := c.store.Read(c.t.Context(), how, key)
	require.NoError(c.t, err)
	return string(snap.Records[0].Value)
}

// simulated runs a test whose time passes at once.
func simulated(t *testing.T, test func(t *testing.T)) { synctest.Test(t, test) }

func TestOneReadOfTheEpochServesAllWhoCameBeforeIt(t *testing.T) {
	simulated(t, func(t *testing.T) {
		c := newCluster(t, &faulty{took: time.Millisecond}, epoch.Options{})
		time.Sleep(time.Millisecond) // simulated: the watch begins
		synctest.Wait()
		c.put("v")
		require.Equal(t, "v", c.read(engine.Strict, "k"))
		before, stats := c.way.reads.Load(), c.store.Stats()
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() { require.Equal(t, "v", c.read(engine.Strict, "k")) })
		}
		group.Wait()
		require.LessOrEqual(t, c.way.reads.Load()-before, int64(2), "one for the first, one for all who came while it was under way")
		now := c.store.Stats()
		require.Equal(t, int64(100), now.Hits-stats.Hits)
		require.Equal(t, int64(100), now.Callers-stats.Callers)
		require.Equal(t, c.way.reads.Load()-before, now.Barriers-stats.Barriers)
	})
}

func TestThoseWhoMissTheSameRecordsShareARead(t *testing.T) {
	simulated(t, func(t *testing.T) {
		c := newCluster(t, &faulty{took: time.Millisecond}, epoch.Options{})
		c.put("v")
		before := c.way.reads.Load()
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() { require.Equal(t, "v", c.read(engine.Strict, "k")) })
		}
		group.Wait()
		require.LessOrEqual(t, c.way.reads.Load()-before, int64(3))
	})
}

func TestALateWatchMakesReadsSlowNotWrong(t *testing.T) {
	simulated(t, func(t *testing.T) {
		const behind = 1500 * time.Millisecond
		c := newCluster(t, &faulty{bend: func(changes engine.Changes) *engine.Changes {
			time.Sleep(behind) // simulated
			return &changes
		}}, epoch.Options{})
		require.Empty(t, c.read(engine.Strict, "k"), "it is cached from here on")
		c.put("new")
		began := time.Now()
		require.Equal(t, "new", c.read(engine.Strict, "k"))
		require.Equal(t, 100*time.Millisecond, time.Since(began), "it waited for the watch, and not for long")
		require.Equal(t, "new", c.read(engine.Strict, "k"))
		require.Equal(t, 100*time.Millisecond, time.Since(began), "once a watch is known to be late nobody waits for it")
		time.Sleep(behind) // simulated
		hits := c.store.Stats().Hits
		require.Equal(t, "new", c.read(engine.Strict, "k"))
		require.Equal(t, hits+1, c.store.Stats().Hits, "it has caught up")
		require.Zero(t, c.store.Stats().Restarts)
	})
}

func TestAWatchThatStandsStillIsBegunAnew(t *testing.T) {
	simulated(t, func(t *testing.T) {
		var silent atomic.Bool
		c := newCluster(t, &faulty{bend: func(changes engine.Changes) *engine.Changes {
			if silent.Load() {
				return nil
			}
			return &changes
		}}, epoch.Options{})
		require.Empty(t, c.read(engine.Strict, "k"))
		silent.Store(true)
		c.put("new")
		synctest.Wait()
		silent.Store(false)
		require.Equal(t, "new", c.read(engine.Strict, "k"))
		time.Sleep(5 * time.Second) // simulated; nobody asks meanwhile
		require.Equal(t, int64(1), c.store.Stats().Restarts)
		require.Equal(t, "new", c.read(engine.Strict, "k"))
		hits := c.store.Stats().Hits
		require.Equal(t, "new", c.read(engine.Strict, "k"))
		require.Equal(t, hits+1, c.store.Stats().Hits)
	})
}

func TestARecordThatTheWatchFalsifiedIsFound(t *testing.T) {
	simulated(t, func(t *testing.T) {
		c := newCluster(t, &faulty{bend: func(changes engine.Changes) *engine.Changes {
			changes.Events = slices.Clone(changes.Events)
			for i, e := range changes.Events {
				if e.Key == "k" {
					changes.Events[i].Value = []byte("false")
				}
			}
			return &changes
		}}, epoch.Options{})
		told := make(chan []string, 8)
		ctx, cancel := context.WithCancel(t.Context())
		var reporting sync.WaitGroup
		reporting.Go(func() { c.store.Report(ctx, func(words []string) { told <- words }) })
		require.Empty(t, c.read(engine.Strict, "k"))
		c.put("true")
		require.Equal(t, "false", c.read(engine.Strict, "k"), "no epoch tells of it")
		time.Sleep(2 * time.Second) // simulated
		require.Equal(t, "true", c.read(engine.Strict, "k"))
		require.Equal(t, int64(1), c.store.Stats().Divergences)
		synctest.Wait()
		cancel()
		reporting.Wait()
		close(told)
		var last []string
		for last = range told {
		}
		require.Len(t, last, 1)
		require.Contains(t, last[0], "differed from etcd")
	})
}

func TestEveryRecordIsComparedWithinAPass(t *testing.T) {
	simulated(t, func(t *testing.T) {
		c := newCluster(t, &faulty{}, epoch.Options{Pass: 10 * time.Second})
		const records = 900
		for n := range records {
			require.Empty(t, c.read(engine.Strict, string(rune('a'+n))))
		}
		time.Sleep(10*time.Second + 500*time.Millisecond) // simulated
		require.Equal(t, int64(records), c.store.Stats().Compared)
		require.Zero(t, c.store.Stats().Divergences)
	})
}

func TestAWatchThatCannotBeHadIsReportedAndDoneWithout(t *testing.T) {
	simulated(t, func(t *testing.T) {
		c := newCluster(t, &faulty{}, epoch.Options{})
		told := make(chan []string, 64)
		ctx, cancel := context.WithCancel(t.Context())
		var reporting sync.WaitGroup
		reporting.Go(func() { c.store.Report(ctx, func(words []string) { told <- words }) })
		synctest.Wait()
		for range len(told) {
			<-told // of the beginning
		}
		require.Empty(t, c.read(engine.Strict, "k"))
		c.way.stop.Store(&engine.Error{Code: engine.CodeUnavailable, Message: "no watch to be had"})
		c.put("1")
		synctest.Wait()
		require.Equal(t, "1", c.read(engine.Strict, "k"))
		require.Equal(t, "1", c.read(engine.Bounded(time.Hour), "k"))
		words := <-told
		require.Contains(t, words[0], "no watch to be had")
		c.way.stop.Store(nil)
		c.put("2")
		time.Sleep(2 * time.Second) // simulated
		for len(told) > 0 {
			words = <-told
		}
		require.Empty(t, words, "all is well again")
		require.Equal(t, "2", c.read(engine.Strict, "k"))
		cancel()
		reporting.Wait()
	})
}

func TestWhyTheStoreCannotBeReachedIsTold(t *testing.T) {
	simulated(t, func(t *testing.T) {
		c := newCluster(t, &faulty{}, epoch.Options{})
		require.Empty(t, c.read(engine.Strict, "k"))
		c.way.down.Store(true)
		var group sync.WaitGroup
		for _, key := range []string{"k", "k", "not cached", "not cached"} {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				began := time.Now()
				_, err := c.store.Read(ctx, engine.Strict, key)
				require.Equal(t, engine.CodeUnavailable, engine.CodeOf(err), "%v", err)
				require.ErrorContains(t, err, "nobody is there")
				require.Equal(t, 5*time.Second, time.Since(began))
			})
		}
		group.Wait()
		require.Empty(t, c.read(engine.Bounded(time.Minute), "k"), "what may be older goes on")
		c.way.down.Store(false)
		require.Empty(t, c.read(engine.Strict, "k"))
	})
}

func TestBoundedAndAtLeastReadsAskNobodyWhileTheyMay(t *testing.T) {
	simulated(t, func(t *testing.T) {
		var silent atomic.Bool
		c := newCluster(t, &faulty{bend: func(changes engine.Changes) *engine.Changes {
			if silent.Load() {
				time.Sleep(time.Minute) // simulated
			}
			return &changes
		}}, epoch.Options{Stale: time.Hour})
		rev := c.put("1")
		synctest.Wait()
		require.Equal(t, "1", c.read(engine.Strict, "k"))
		asked := c.way.reads.Load()
		require.Equal(t, "1", c.read(engine.Bounded(time.Second), "k"))
		require.Equal(t, "1", c.read(engine.AtLeast(rev), "k"))
		require.Equal(t, "1", c.read(engine.AsOf(rev), "k"))
		require.Equal(t, "1", c.read(engine.Guess, "k"))
		require.Equal(t, asked, c.way.reads.Load())
		silent.Store(true)
		next := c.put("2")
		time.Sleep(900 * time.Millisecond) // simulated
		require.Equal(t, "1", c.read(engine.Bounded(time.Second), "k"), "it was true 900 ms ago")
		require.Equal(t, asked, c.way.reads.Load())
		require.Equal(t, "2", c.read(engine.Bounded(800*time.Millisecond), "k"))
		require.Equal(t, "2", c.read(engine.AtLeast(next), "k"))
	})
}

func TestACompactedWatchIsBegunAnewAtThePresent(t *testing.T) {
	simulated(t, func(t *testing.T) {
		var held atomic.Bool
		c := newCluster(t, &faulty{bend: func(changes engine.Changes) *engine.Changes {
			if held.Load() {
				time.Sleep(time.Second) // simulated
			}
			return &changes
		}}, epoch.Options{})
		require.Empty(t, c.read(engine.Strict, "k"))
		held.Store(true)
		c.put("1")
		synctest.Wait()
		for range 20 {
			c.put("2")
		}
		held.Store(false)
		require.NoError(t, c.store.Compact(t.Context(), c.put("3")))
		time.Sleep(3 * time.Second) // simulated
		require.Equal(t, int64(1), c.store.Stats().Restarts)
		require.Equal(t, "3", c.read(engine.Strict, "k"))
		hits := c.store.Stats().Hits
		require.Equal(t, "3", c.read(engine.Strict, "k"))
		require.Equal(t, hits+1, c.store.Stats().Hits)
	})
}

func TestAClosedCacheStillAnswers(t *testing.T) {
	c := newNode(t, enginetest.NewMemoryStore().Session(), epoch.Options{Bytes: epoch.DefaultBytes})
	require.NoError(t, c.Store.Close())
	rev, err := c.Commit(t.Context(), engine.Commit{Writes: []engine.Write{{Key: "k", Value: []byte("v")}}})
	require.NoError(t, err)
	for _, how := range []engine.Consistency{engine.Strict, engine.Bounded(time.Hour), engine.AtLeast(rev), engine.AsOf(rev)} {
		snap, err := c.Read(t.Context(), how, "k")
		require.NoError(t, err)
		require.Equal(t, "v", string(snap.Records[0].Value))
	}
	for changes, err := range c.Watch(t.Context(), "k", rev-1) {
		require.NoError(t, err)
		require.Equal(t, rev, changes.Revision)
		break
	}
}
