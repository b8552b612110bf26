package epoch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/etcdstore/epoch"
)

// TestEveryAnswerIsTrueAtItsRevision lets several nodes write and read at
// random, over links that are slow and whose watches lose changes, lose parts
// of changes, and end. Each answer is held against what the state was at the
// answer's revision, and that revision against what was asked for (I1, I5).
func TestEveryAnswerIsTrueAtItsRevision(t *testing.T) {
	const seeds = 40
	var sum epoch.Stats
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, s := range newHistory(t, seed).run() {
					sum.Hits += s.Hits
					sum.Misses += s.Misses
					sum.Late += s.Late
					sum.Restarts += s.Restarts
					sum.Compared += s.Compared
				}
			})
		})
	}
	t.Logf("%+v", sum)
	require.Greater(t, sum.Hits, sum.Misses/10, "the cache is hardly used")
	for name, n := range map[string]int64{"late watches": sum.Late, "restarts": sum.Restarts, "comparisons": sum.Compared} {
		require.Positive(t, n, "the test makes no %s", name)
	}
}

// history is one run.
type history struct {
	t     *testing.T
	state *enginetest.MemoryStore
	keys  []string
	// trouble is how many changes come to one that is lost, or torn, or late, or
	// that ends the watch.
	trouble int
	nodes   []*epoch.Store
	asking  sync.WaitGroup

	mu     sync.Mutex
	random *rand.Rand
	moves  []move // of the state, in order
}

// move says when the state came to a revision.
type move struct {
	at       time.Time
	revision engine.Revision
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{t: t, state: enginetest.NewMemoryStore(), random: rand.New(rand.NewPCG(seed, 1)), trouble: 120}
	if seed%2 == 0 {
		h.trouble = 3000
	}
	for n := range 8 {
		h.keys = append(h.keys, fmt.Sprint("k/", n))
	}
	h.moves = []move{{time.Now(), 1}}
	return h
}

func (h *history) n(below int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.random.IntN(below)
}

// upTo is a random time.
func (h *history) upTo(d time.Duration) time.Duration { return time.Duration(h.n(int(d))) }

// fate makes everything slow, and watches unreliable.
func (h *history) fate(m enginetest.Message) enginetest.Fate {
	fate := enginetest.Fate{Delay: h.upTo(2 * time.Millisecond)}
	if m.Revision == 0 || m.What != "watch" {
		return fate
	}
	fate.Delay = h.upTo(8 * time.Millisecond)
	switch h.n(h.trouble) {
	case 0:
		fate.Lost = true
	case 1:
		fate.Torn = true
	case 2:
		fate.Ended = true
	case 3:
		fate.Delay = h.upTo(3 * time.Second)
	}
	return fate
}

func (h *history) run() (all []epoch.Stats) {
	ctx, cancel := context.WithCancel(h.t.Context())
	defer cancel()
	var watching sync.WaitGroup
	watching.Go(func() {
		for changes := range h.state.Watch(ctx, "", 1) { //nolint:errcheck // nothing is compacted before it is seen
			h.mu.Lock()
			h.moves = append(h.moves, move{time.Now(), changes.Revision})
			h.mu.Unlock()
		}
	})
	for n := range 3 {
		link := h.state.Link(enginetest.LinkOptions{Fate: h.fate, Lease: time.Second})
		defer func() { h.ok(link.Close(), "close") }()
		store := epoch.New(link, epoch.Options{Bytes: []int64{epoch.DefaultBytes, 1500, epoch.DefaultBytes}[n], Stale: time.Second})
		defer func() { h.ok(store.Close(), "close") }()
		h.nodes = append(h.nodes, store)
		watching.Go(func() { h.watch(ctx, store) })
		for range 3 {
			h.asking.Go(func() { h.ask(ctx, store, link) })
		}
	}
	h.asking.Wait()
	time.Sleep(3 * time.Second) // simulated: for a comparison in quiet
	cancel()
	watching.Wait()
	for _, store := range h.nodes {
		all = append(all, store.Stats())
	}
	return all
}

// ask is a client that reads and writes.
func (h *history) ask(ctx context.Context, store *epoch.Store, link *enginetest.Link) {
	last := engine.Revision(1) // that this client has been told of
	for range 60 {
		time.Sleep(h.upTo(10 * time.Millisecond)) // simulated
		began, least := time.Now(), h.revision()
		var c engine.Consistency
		switch what := h.n(100); {
		case what < 25:
			last = max(last, h.write(ctx, store))
			continue
		case what < 27:
			_ = h.state.Compact(ctx, max(1, h.revision()-3))
			continue
		case what < 28:
			link.Expire()
			continue
		case what < 60:
			c = engine.Strict
		case what < 75:
			c = engine.Bounded(h.upTo(50 * time.Millisecond))
			least = h.revisionAt(began.Add(-c.MaxAge))
		case what < 85:
			c = engine.AtLeast(last)
			least = last
		case what < 90:
			h.guess(ctx, store)
			continue
		default:
			c = engine.AsOf(last)
			least = last
		}
		snap, err := store.Read(ctx, c, h.some()...)
		if errors.Is(err, engine.ErrCompacted) {
			continue
		}
		if !h.ok(err, "%+v", c) {
			return
		}
		if snap.Revision < least || c.Mode == engine.ModeAsOf && snap.Revision != least {
			h.t.Errorf("%+v was answered as of %d, the state had been at %d", c, snap.Revision, least)
		}
		h.check(ctx, c, snap)
		last = max(last, snap.Revision)
	}
}

func (h *history) ok(err error, message string, args ...any) bool {
	if err != nil {
		h.t.Errorf("%s: %v", fmt.Sprintf(message, args...), err)
	}
	return err == nil
}

// some picks keys, some of them twice.
func (h *history) some() []string {
	keys := make([]string, 1+h.n(3))
	for i := range keys {
		keys[i] = h.keys[h.n(len(h.keys))]
	}
	return keys
}

func (h *history) write(ctx context.Context, store *epoch.Store) engine.Revision {
	var c engine.Commit
	seen := map[string]bool{}
	for _, key := range h.some() {
		if !seen[key] {
			c.Writes = append(c.Writes, engine.Write{
				Key: key, Value: fmt.Append(nil, h.n(1e9)), Delete: h.n(4) == 0, Ephemeral: h.n(8) == 0,
			})
		}
		seen[key] = true
	}
	rev, err := store.Commit(ctx, c)
	if errors.Is(err, engine.ErrUnknownOutcome) {
		return 0
	}
	h.ok(err, "commit")
	return rev
}

// check holds an answer against the state as it was.
func (h *history) check(ctx context.Context, c engine.Consistency, snap engine.Snapshot) {
	keys := make([]string, len(snap.Records))
	for i, r := range snap.Records {
		keys[i] = r.Key
	}
	truth, err := h.state.Read(ctx, engine.AsOf(snap.Revision), keys...)
	if errors.Is(err, engine.ErrCompacted) {
		return
	}
	if h.ok(err, "history") {
		for i, r := range truth.Records {
			if got := snap.Records[i]; got.Version != r.Version || string(got.Value) != string(r.Value) ||
				got.Writes != r.Writes || got.Ephemeral != r.Ephemeral {
				h.t.Errorf("%+v as of %d: answered %+v, in truth it was %+v", c, snap.Revision, got, r)
			}
		}
	}
}

// guess holds that a guess was true when its record was written.
func (h *history) guess(ctx context.Context, store *epoch.Store) {
	snap, err := store.Read(ctx, engine.Guess, h.some()...)
	if !h.ok(err, "guess") {
		return
	}
	for _, r := range snap.Records {
		if r.Exists() {
			h.check(ctx, engine.Guess, engine.Snapshot{Revision: r.Version, Records: []engine.Record{r}})
		}
	}
}

// watch is a watcher that holds the store to what it has been told.
func (h *history) watch(ctx context.Context, store *epoch.Store) {
	for last := engine.Revision(1); ctx.Err() == nil; {
		for changes, err := range store.Watch(ctx, "k/", last) {
			if err != nil {
				last = h.revision()
				break
			}
			last = changes.Revision
			for _, e := range changes.Events {
				h.checkTold(ctx, store, e)
			}
		}
		pause := time.NewTimer(time.Millisecond)
		<-pause.C
	}
}

func (h *history) checkTold(ctx context.Context, store *epoch.Store, e engine.Event) {
	for _, c := range []engine.Consistency{engine.Guess, engine.Bounded(time.Hour)} {
		snap, err := store.Read(ctx, c, e.Key)
		if ctx.Err() != nil || !h.ok(err, "after a change") {
			return
		}
		if r := snap.Records[0]; r.Exists() && r.Version < e.Version || c.Mode == engine.ModeBounded && snap.Revision < e.Version {
			h.t.Errorf("%+v was answered with the version %d as of %d after the change at %d was told", c, r.Version, snap.Revision, e.Version)
		}
	}
}

func (h *history) revision() engine.Revision {
	snap, err := h.state.Read(context.Background(), engine.Strict)
	h.ok(err, "revision")
	return snap.Revision
}

// revisionAt is the one that the state had at a moment.
func (h *history) revisionAt(t time.Time) engine.Revision {
	h.mu.Lock()
	defer h.mu.Unlock()
	revision := h.moves[0].revision
	for _, m := range h.moves {
		if m.at.Before(t) {
			revision = m.revision
		}
	}
	return revision
}
