package wasmhost

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/credence-engine/credence/engine"
)

// memoryState is the state of one operation in a [Sandbox]: what is committed,
// and what the operation has written over it. Its quotas are the engine's.
type memoryState struct {
	committed map[string][]byte
	written   map[string][]byte // nil for a deleted key
	spent     struct{ reads, writes, bytes int }
}

// Get returns the value under a key.
func (s *memoryState) Get(_ context.Context, key []byte) (value []byte, found bool, err error) {
	if s.spent.reads++; s.spent.reads > engine.MaxStateReads {
		return nil, false, engine.ErrStateQuota
	}
	value, found = s.written[string(key)]
	if found {
		return value, value != nil, nil
	}
	value, found = s.committed[string(key)]
	return value, found, nil
}

// Put sets a key. The value is copied.
func (s *memoryState) Put(key, value []byte) error {
	return s.write(key, append(make([]byte, 0, len(value)), value...))
}

// Delete removes a key, present or not.
func (s *memoryState) Delete(key []byte) error { return s.write(key, nil) }

func (s *memoryState) write(key, value []byte) error {
	s.spent.writes++
	s.spent.bytes += len(key) + len(value)
	if s.spent.writes > engine.MaxStateWrites || s.spent.bytes > engine.MaxStateBytes {
		return engine.ErrStateQuota
	}
	if s.written == nil {
		s.written = map[string][]byte{}
	}
	s.written[string(key)] = value
	return nil
}

// Scan returns up to limit entries after a key, in key order.
func (s *memoryState) Scan(_ context.Context, prefix, after []byte, limit int) ([]engine.Entry, error) {
	if s.spent.reads++; s.spent.reads > engine.MaxStateReads {
		return nil, engine.ErrStateQuota
	}
	var keys []string
	add := func(key string) {
		if strings.HasPrefix(key, string(prefix)) && (len(after) == 0 || key > string(after)) {
			keys = append(keys, key)
		}
	}
	for key := range s.committed {
		if _, over := s.written[key]; !over {
			add(key)
		}
	}
	for key, value := range s.written {
		if value != nil {
			add(key)
		}
	}
	slices.Sort(keys)
	entries := make([]engine.Entry, 0, min(limit, len(keys)))
	for _, key := range keys[:min(limit, len(keys))] {
		value, over := s.written[key]
		if !over {
			value = s.committed[key]
		}
		entries = append(entries, engine.Entry{Key: []byte(key), Value: value})
	}
	return entries, nil
}

// Discard takes back what the operation has written.
func (s *memoryState) Discard() { s.written = nil }

// commit makes what the operation has written the state, and tells whether
// that changed anything.
func (s *memoryState) commit() (changed bool) {
	for key, value := range s.written {
		old, there := s.committed[key]
		changed = changed || there != (value != nil) || !bytes.Equal(old, value)
		if value == nil {
			delete(s.committed, key)
		} else {
			s.committed[key] = value
		}
	}
	s.written = nil
	return changed
}

// snapshot copies a state.
func snapshot(state map[string][]byte) map[string][]byte {
	copied := maps.Clone(state)
	if copied == nil {
		copied = map[string][]byte{}
	}
	return copied
}
