package enginetest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/credence-engine/credence/engine"
)

// historyKept is how many revisions a MemoryStore keeps below the newest one.
// It is more than any test writes between the first and the last page of a
// listing, and keeps a long benchmark from growing without end.
const historyKept = 8192

// MemoryStore is an [engine.Store] in the memory of the process. It keeps the
// versions of the last revisions as etcd does, so that reads and listings
// pinned to a revision and watches from one behave alike. Nothing survives
// the process.
type MemoryStore struct {
	mu        sync.RWMutex
	cells     map[string]*cell
	order     index    // of the keys of cells
	log       []logged // of the revisions above compacted, in order
	revision  engine.Revision
	compacted engine.Revision
	changed   chan struct{}       // closed by the next commit; nil while nobody waits
	ephemeral map[string]*Session // whose each ephemeral key is
	own       Session             // of those that commit through the store itself
}

// logged is one revision, with the moment at which it was made.
type logged struct {
	engine.Changes
	at time.Time
}

var _ engine.Store = (*MemoryStore)(nil)

// NewMemoryStore returns an empty store. Its revision is 1, as that of an
// empty etcd, so that 0 stays "never".
func NewMemoryStore() *MemoryStore {
	s := &MemoryStore{cells: map[string]*cell{}, revision: 1, compacted: 1, ephemeral: map[string]*Session{}}
	s.own.MemoryStore = s
	return s
}

// Read implements [engine.Store].
func (s *MemoryStore) Read(ctx context.Context, c engine.Consistency, keys ...string) (engine.Snapshot, error) {
	if err := engine.CheckRead(c, keys); err != nil {
		return engine.Snapshot{}, err
	}
	if err := readable(ctx); err != nil {
		return engine.Snapshot{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	rev, err := s.at(c)
	if err != nil {
		return engine.Snapshot{}, err
	}
	records := make([]engine.Record, len(keys))
	for i, key := range keys {
		records[i] = s.cells[key].at(key, rev)
	}
	return engine.Snapshot{Revision: rev, Records: records}, nil
}

// List implements [engine.Store].
func (s *MemoryStore) List(ctx context.Context, r engine.ListRequest) (engine.Page, error) {
	if err := r.Check(); err != nil {
		return engine.Page{}, err
	}
	if err := readable(ctx); err != nil {
		return engine.Page{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	rev, err := s.at(r.Consistency)
	if err != nil {
		return engine.Page{}, err
	}
	page := engine.Page{Revision: rev}
	for _, prefix := range r.Prefixes {
		for key := range s.order.below(prefix, r.After) {
			record := s.cells[key].at(key, rev)
			if !record.Exists() {
				continue
			}
			if len(page.Records) == r.Limit {
				page.More = true
				return page, nil
			}
			page.Records = append(page.Records, record)
		}
	}
	return page, nil
}

// at returns the revision that a read is answered at.
func (s *MemoryStore) at(c engine.Consistency) (engine.Revision, error) {
	switch {
	case c.Mode != engine.ModeAsOf && c.Mode != engine.ModeAtLeast:
		return s.revision, nil
	case c.Revision > s.revision:
		return 0, engine.Errorf(engine.CodeUnavailable,
			"the store is at revision %d and was asked for revision %d, which has not been reached", s.revision, c.Revision)
	case c.Mode == engine.ModeAtLeast:
		return s.revision, nil
	case c.Revision < s.compacted:
		return 0, engine.ErrCompacted
	}
	return c.Revision, nil
}

// Commit implements [engine.Store].
func (s *MemoryStore) Commit(ctx context.Context, c engine.Commit) (engine.Revision, error) {
	return s.own.Commit(ctx, c)
}

func (s *MemoryStore) commit(ctx context.Context, c engine.Commit, by *Session) (engine.Revision, error) {
	if err := c.Check(); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, engine.Wrap(err, engine.CodeUnavailable, "the request ended before the change was tried: nothing was changed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if by.closed {
		return 0, engine.Errorf(engine.CodeUnavailable, "the store is closed: nothing was changed")
	}
	if c.Marker != "" {
		if marker := s.cells[c.Marker].at(c.Marker, s.revision); marker.Exists() {
			return marker.Version, nil
		}
	}
	for _, check := range c.Checks {
		if s.cells[check.Key].at(check.Key, s.revision).Version != check.Version {
			return 0, engine.ErrConflict
		}
	}
	writes := c.Writes
	if c.Stamp.Key != "" {
		writes = append(slices.Clip(writes), c.Stamp)
	}
	s.apply(writes)
	for _, w := range c.Writes {
		delete(s.ephemeral, w.Key)
		if w.Ephemeral && !w.Delete {
			s.ephemeral[w.Key], by.leased = by, true
		}
	}
	return s.revision, nil
}

// apply makes one new revision of the writes, if they change anything: to
// delete what is absent is no change.
func (s *MemoryStore) apply(writes []engine.Write) {
	changes := engine.Changes{Revision: s.revision + 1}
	for _, w := range writes {
		c := s.cells[w.Key]
		if w.Delete && !c.at(w.Key, s.revision).Exists() {
			continue
		}
		if c == nil {
			c = &cell{}
			s.cells[w.Key] = c
			s.order.insert(w.Key)
		}
		v := version{revision: changes.Revision, deleted: w.Delete}
		if !w.Delete {
			v.value = append([]byte(nil), w.Value...)
			v.writes, v.ephemeral = c.at(w.Key, s.revision).Writes+1, w.Ephemeral
		}
		c.versions = append(c.versions, v)
		changes.Events = append(changes.Events, engine.Event{Record: v.record(w.Key), Deleted: w.Delete})
	}
	if len(changes.Events) == 0 {
		return
	}
	s.revision = changes.Revision
	s.log = append(s.log, logged{Changes: changes, at: time.Now()})
	if len(s.log) > 2*historyKept {
		s.compact(s.revision - historyKept)
	}
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

func readable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return engine.Wrap(err, engine.CodeDeadline, "the request ended before the store was read")
	}
	return nil
}
