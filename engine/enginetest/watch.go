package enginetest

import (
	"context"
	"iter"
	"sort"
	"strings"

	"github.com/credence-engine/credence/engine"
)

// Watch implements [engine.Store].
func (s *MemoryStore) Watch(ctx context.Context, prefix string, after engine.Revision) iter.Seq2[engine.Changes, error] {
	return func(yield func(engine.Changes, error) bool) {
		for news, err := range s.follow(ctx, prefix, after) {
			if !yield(news.Changes, err) {
				return
			}
		}
	}
}

// follow is Watch with the moment at which each change was made.
func (s *MemoryStore) follow(ctx context.Context, prefix string, after engine.Revision) iter.Seq2[logged, error] {
	return func(yield func(logged, error) bool) {
		last := after
		if last == 0 {
			last = s.now()
		}
		for ctx.Err() == nil {
			news, wait, err := s.since(last)
			if err != nil {
				yield(logged{}, err)
				return
			}
			for _, changes := range news {
				last = changes.Revision
				if mine := changes.below(prefix); len(mine.Events) > 0 && (ctx.Err() != nil || !yield(mine, nil)) {
					return
				}
			}
			if wait == nil {
				continue
			}
			select {
			case <-wait:
			case <-ctx.Done():
			}
		}
	}
}

func (s *MemoryStore) now() engine.Revision {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.revision
}

// since returns the changes after a revision or, when there are none, a
// channel that the next commit closes.
func (s *MemoryStore) since(last engine.Revision) ([]logged, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last < s.compacted {
		return nil, nil, engine.ErrCompacted
	}
	first := sort.Search(len(s.log), func(i int) bool { return s.log[i].Revision > last })
	if first < len(s.log) {
		return s.log[first:], nil, nil
	}
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return nil, s.changed, nil
}

// below returns the part that concerns keys under prefix.
func (l logged) below(prefix string) logged {
	mine := logged{Changes: engine.Changes{Revision: l.Revision}, at: l.at}
	for _, event := range l.Events {
		if strings.HasPrefix(event.Key, prefix) {
			mine.Events = append(mine.Events, event)
		}
	}
	return mine
}
