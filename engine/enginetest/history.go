package enginetest

import (
	"context"
	"slices"
	"sort"

	"github.com/credence-engine/credence/engine"
)

// cell holds the kept versions of one key, oldest first.
type cell struct {
	versions []version
}

type version struct {
	revision  engine.Revision
	value     []byte
	deleted   bool
	writes    int64
	ephemeral bool
}

func (v *version) record(key string) engine.Record {
	return engine.Record{Key: key, Value: v.value, Version: v.revision, Writes: v.writes, Ephemeral: v.ephemeral}
}

// at returns the key's record as of rev. A nil cell is a key never written.
func (c *cell) at(key string, rev engine.Revision) engine.Record {
	if c != nil {
		for i := len(c.versions) - 1; i >= 0; i-- {
			if v := &c.versions[i]; v.revision <= rev {
				if v.deleted {
					break
				}
				return v.record(key)
			}
		}
	}
	return engine.Record{Key: key}
}

// trim forgets the versions that no revision from rev on shows, and tells
// whether any is left.
func (c *cell) trim(rev engine.Revision) bool {
	first := sort.Search(len(c.versions), func(i int) bool { return c.versions[i].revision > rev })
	if first > 0 && !c.versions[first-1].deleted {
		first--
	}
	c.versions = slices.Delete(c.versions, 0, first)
	return len(c.versions) > 0
}

// Compact forgets the states before rev: to read or list them, or to watch
// from before them, then answers [engine.ErrCompacted].
func (s *MemoryStore) Compact(_ context.Context, rev engine.Revision) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rev > s.revision {
		return engine.Errorf(engine.CodeInvalid, "the store is at revision %d and cannot forget up to %d", s.revision, rev)
	}
	if rev > s.compacted {
		s.compact(rev)
	}
	return nil
}

func (s *MemoryStore) compact(rev engine.Revision) {
	gone := sort.Search(len(s.log), func(i int) bool { return s.log[i].Revision > rev })
	for _, changes := range s.log[:gone] {
		for _, event := range changes.Events {
			if c := s.cells[event.Key]; c != nil && !c.trim(rev) {
				delete(s.cells, event.Key)
				s.order.remove(event.Key)
			}
		}
	}
	s.log = slices.Clone(s.log[gone:]) // a watcher may still range over the old one
	s.compacted = rev
}
