package epoch

import (
	"github.com/credence-engine/credence/engine"
)

// filler stands for a key that is being read, so that a change which the watch
// brings meanwhile is not lost: without it the older record of the read would
// be cached after the newer one has passed by.
type filler struct {
	from    engine.Revision // the watch had come so far; later changes are noted
	change  engine.Event    // the latest one
	changed bool
	users   int
}

// expect prepares for filling in the keys that are not cached, and returns the
// term to which that belongs.
func (c *cache) expect(keys []string) (term int64, up bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.up {
		return 0, false
	}
	for _, key := range keys {
		f := c.fillers[key]
		if f == nil {
			f = &filler{from: c.applied}
			c.fillers[key] = f
		}
		f.users++
	}
	return c.term, true
}

// fill takes in what was read at snap.Revision, in the term in which it was
// expected. Without records it only ends the expectation.
func (c *cache) fill(term int64, keys []string, snap engine.Snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.up || c.term != term {
		return
	}
	for i, key := range keys {
		f := c.fillers[key]
		if f.users--; f.users == 0 {
			delete(c.fillers, key)
		}
		if i >= len(snap.Records) || f.from > snap.Revision || c.recent.Contains(key) {
			continue
		}
		r, since, at := snap.Records[i], snap.Records[i].Version, snap.Revision
		if !r.Exists() {
			since = at // it may have gone just before
		}
		if f.changed && f.change.Version > at {
			r, since, at = recordOf(f.change), f.change.Version, f.change.Version
		}
		c.put(r, since, at)
	}
}

// recordOf is a key after a change.
func recordOf(e engine.Event) engine.Record {
	if e.Deleted {
		return engine.Record{Key: e.Key}
	}
	return e.Record
}
