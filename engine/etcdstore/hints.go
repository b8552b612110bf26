package etcdstore

import (
	"bytes"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/credence-engine/credence/engine"
)

// Bounds of the hints, 8 MiB at the most.
const (
	maxHints     = 2048
	maxHintBytes = 4 << 10
)

// hints remember the records that guesses have asked for, as they were last
// seen by this process. They are right most of the time, and nothing depends
// on it: a guess counts only once a commit has checked it.
type hints struct {
	mu     sync.Mutex
	recent *simplelru.LRU[string, hint]
}

// hint is a record as of a revision; without a version it is guessed absent.
type hint struct {
	record engine.Record
	at     engine.Revision
}

func newHints() *hints {
	recent, err := simplelru.NewLRU[string, hint](maxHints, nil)
	if err != nil {
		panic(err) // a size that is not positive
	}
	return &hints{recent: recent}
}

// guess returns what is remembered of the keys. What is not is guessed absent,
// and remembered from now on.
func (h *hints) guess(keys []string) []engine.Record {
	records := make([]engine.Record, len(keys))
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, key := range keys {
		known, ok := h.recent.Get(key)
		if !ok {
			known.record.Key = key
			h.recent.Add(key, known)
		}
		records[i] = known.record
	}
	return records
}

// learn takes in what was read at a revision.
func (h *hints) learn(records []engine.Record, at engine.Revision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range records {
		h.update(r, at)
	}
}

// wrote takes in what was committed at a revision.
func (h *hints) wrote(writes []engine.Write, at engine.Revision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range writes {
		if !h.recent.Contains(w.Key) {
			continue
		}
		r := engine.Record{Key: w.Key}
		if !w.Delete {
			r.Value, r.Version = bytes.Clone(w.Value), at
		}
		h.update(r, at)
	}
}

// update replaces an older hint of the same key, if there is one.
func (h *hints) update(r engine.Record, at engine.Revision) {
	old, ok := h.recent.Peek(r.Key)
	switch {
	case !ok || old.at > at:
	case len(r.Value) > maxHintBytes:
		h.recent.Remove(r.Key)
	default:
		h.recent.Add(r.Key, hint{record: r, at: at})
	}
}
