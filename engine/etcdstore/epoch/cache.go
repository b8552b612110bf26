package epoch

import (
	"math"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/credence-engine/credence/engine"
)

const (
	// entryOverhead is about what an entry takes beside its key and value.
	entryOverhead = 256
	// maxEntryBytes keeps what is large and read once, such as the parts of a
	// module, from pushing out what is small and read all the time.
	maxEntryBytes = 80 << 10
)

// cache holds records as the watch keeps them. It is filled by reads, emptied
// by its bound, and forgets everything when the watch is begun anew.
//
// Two revisions say how far it has come: applied is that of the last change
// that the watch brought; now is the latest one at which all that is cached is
// known to hold, which a barrier may have found to be later.
type cache struct {
	mu      sync.Mutex // guards all that follows; held for a few lookups at a time
	limit   int64
	bytes   int64
	recent  *simplelru.LRU[string, *entry]
	fillers map[string]*filler

	up      bool        // a watch keeps the cache in step
	lose    func(error) // gives up that watch
	term    int64       // counts the watches
	applied engine.Revision
	now     engine.Revision
	epoch   engine.Record // the last one applied, or the one that the watch began with
	fresh   time.Time     // when the youngest barrier that the watch has reached was begun
	marks   []*mark       // that the watch has yet to reach, in the order of their epochs
	late    bool          // the watch was waited for in vain, and has not caught up
}

// entry is a record that has been the same from since on, up to at or to the
// cache's now, whichever is later.
type entry struct {
	record engine.Record
	since  engine.Revision
	at     engine.Revision
}

func newCache(limit int64) *cache {
	c := &cache{limit: limit, fillers: map[string]*filler{}}
	recent, err := simplelru.NewLRU(math.MaxInt, func(_ string, e *entry) { c.bytes -= e.size() })
	if err != nil {
		panic(err) // a size that is not positive
	}
	c.recent = recent
	return c
}

func (e *entry) size() int64 {
	return int64(len(e.record.Key) + len(e.record.Value) + entryOverhead)
}

// begin starts a term: a watch tells of all changes after the revision at
// which the epoch was read. lose gives the watch up.
func (c *cache) begin(m *mark, lose func(error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.up, c.late, c.lose = true, false, lose
	c.term++
	c.applied, c.now, c.epoch, c.fresh = m.revision, m.revision, m.epoch, m.begun
}

// end forgets everything; whoever waits for the watch waits no longer.
func (c *cache) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget()
	for _, m := range c.marks {
		close(m.reached)
	}
	c.marks = nil
}

// forget empties the cache, and keeps it so until the next term.
func (c *cache) forget() {
	c.up, c.late = false, false
	c.recent.Purge()
	clear(c.fillers)
}

// holds tells whether all keys are cached, and the watch not known to be late:
// whether waiting for the barrier is worth it.
func (c *cache) holds(keys []string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.up || c.late {
		return false
	}
	for _, key := range keys {
		if !c.recent.Contains(key) {
			return false
		}
	}
	return true
}

// guess returns what is cached of the keys, whatever its age.
func (c *cache) guess(keys []string) []engine.Record {
	records := make([]engine.Record, len(keys))
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, key := range keys {
		records[i].Key = key
		if e, ok := c.recent.Get(key); ok {
			records[i] = e.record
		}
	}
	return records
}

// asOf returns the records as of rev, if all are cached and known to have been
// so at rev.
func (c *cache) asOf(rev engine.Revision, keys []string) (engine.Snapshot, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answer(rev, keys)
}

// latest returns the records as of now, if all are cached and allowed says
// that now is late enough.
func (c *cache) latest(keys []string, allowed func() bool) (engine.Snapshot, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !allowed() {
		return engine.Snapshot{}, false
	}
	return c.answer(c.now, keys)
}

// answer reads the keys under the lock.
func (c *cache) answer(rev engine.Revision, keys []string) (engine.Snapshot, bool) {
	if !c.up {
		return engine.Snapshot{}, false
	}
	records := make([]engine.Record, len(keys))
	for i, key := range keys {
		e, ok := c.recent.Get(key)
		if !ok || e.since > rev || rev > max(e.at, c.now) {
			return engine.Snapshot{}, false
		}
		records[i] = e.record
	}
	return engine.Snapshot{Revision: rev, Records: records}, true
}

// put makes a record the entry of its key, in the place of an older one.
func (c *cache) put(r engine.Record, since, at engine.Revision) {
	if r.Ephemeral || len(r.Value) > maxEntryBytes {
		// An ephemeral record goes without a commit, so no epoch tells of it.
		c.recent.Remove(r.Key)
		return
	}
	if e, ok := c.recent.Peek(r.Key); ok { // in place; who has read it holds a copy
		c.bytes -= e.size()
		r.Key = e.record.Key
		e.record, e.since, e.at = r, since, at
		c.bytes += e.size()
	} else {
		e = &entry{record: r, since: since, at: at}
		c.bytes += e.size()
		c.recent.Add(r.Key, e)
	}
	for c.bytes > c.limit {
		if _, _, ok := c.recent.RemoveOldest(); !ok {
			return
		}
	}
}

// behind tells whether what is cached may be older than rev.
func (c *cache) behind(rev engine.Revision) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.up && c.now < rev
}

// size tells how many records are cached, the bytes that they take, and how
// many revisions the watch is known to be behind.
func (c *cache) size() (entries, bytes, behind int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.marks); n > 0 {
		behind = int64(c.marks[n-1].epoch.Version - c.applied)
	}
	return int64(c.recent.Len()), c.bytes, behind
}
