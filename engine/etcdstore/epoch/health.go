package epoch

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Stats are figures of a store since it was made.
type Stats struct {
	Hits, Misses   int64 // reads answered from the cache, and by the store
	Callers        int64 // reads that waited for a barrier
	Barriers       int64 // reads of the epoch, each for all who came before it
	Late           int64 // reads that gave up waiting for the watch
	Restarts       int64 // how often the cache was dropped
	Compared       int64 // records compared with the store
	Divergences    int64 // of which differed
	Entries, Bytes int64 // in the cache now
	Behind         int64 // revisions that the watch is known to be behind
}

type counters struct {
	hits, misses, callers, barriers, late, restarts, compared, divergences atomic.Int64
}

// Stats returns the figures.
func (s *Store) Stats() Stats {
	c := &s.count
	stats := Stats{
		Hits: c.hits.Load(), Misses: c.misses.Load(), Callers: c.callers.Load(), Barriers: c.barriers.Load(),
		Late: c.late.Load(), Restarts: c.restarts.Load(), Compared: c.compared.Load(), Divergences: c.divergences.Load(),
	}
	if s.cache != nil {
		stats.Entries, stats.Bytes, stats.Behind = s.cache.size()
	}
	return stats
}

// health is what an operator should know of the cache.
type health struct {
	changed chan struct{}
	mu      sync.Mutex
	down    string // why there is no watch
	differs string // what was found to differ, and when
}

func newHealth() health { return health{changed: make(chan struct{}, 1)} }

func (h *health) lost(cause error) {
	h.set(func() {
		h.down = fmt.Sprintf("changes cannot be followed, so that each decision asks etcd itself, which is slower: %v", cause)
	})
}

func (h *health) found() { h.set(func() { h.down = "" }) }

func (h *health) diverged(cause error) {
	h.set(func() {
		h.differs = fmt.Sprintf("at %s the cache differed from etcd and was dropped; a decision before may have been wrong; look at the health of etcd: %v",
			time.Now().UTC().Format(time.RFC3339), cause)
	})
}

func (h *health) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

func (h *health) words() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var words []string
	for _, w := range []string{h.down, h.differs} {
		if w != "" {
			words = append(words, w)
		}
	}
	return words
}

// Report tells an operator's problems with the cache whenever they change,
// until ctx ends. None: all is well.
func (s *Store) Report(ctx context.Context, tell func(words []string)) {
	for {
		select {
		case <-s.health.changed:
			tell(s.health.words())
		case <-ctx.Done():
			return
		}
	}
}
