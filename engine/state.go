package engine

import (
	"context"
	"strings"
)

// Limits of a service's own state, for one operation.
const (
	MaxStateKeyBytes   = 256
	MaxStateValueBytes = 64 << 10
	MaxStateReads      = 48
	MaxStateWrites     = 48
	MaxStateBytes      = 768 << 10
)

// State is a service's own keys and values for one application, as one unit
// of work sees them. What is written commits together with the engine's own
// records or not at all; a conflict runs the whole operation again.
//
// A scan is guarded by one key that every change of this state writes, so it
// conflicts with any concurrent change; a get conflicts only with changes of
// its key.
type State struct {
	tx     *Tx
	prefix string
	guard  string
	reads  int
	writes int
	bytes  int
	before []Write // what was buffered before the first write through this State
}

// State opens the state of the service that this unit of work is asking, for
// the application that it is asked about.
func (tx *Tx) State() *State {
	return &State{tx: tx, prefix: kvPrefix(tx.service, tx.app), guard: kvGuardKey(tx.service, tx.app)}
}

// ErrStateQuota says that an operation read or wrote more of its service's
// state than one commit can carry.
var ErrStateQuota = &Error{Code: CodeExhausted, Message: "the operation uses more of the service's state than one transaction can hold"}

// Get returns the value under a key. The caller must not change it.
func (s *State) Get(ctx context.Context, key []byte) (value []byte, found bool, err error) {
	if s.reads++; s.reads > MaxStateReads {
		return nil, false, ErrStateQuota
	}
	r, err := s.tx.get(ctx, s.prefix+string(key))
	return r.Value, r.Exists(), err
}

// Put sets a key. The value is copied.
func (s *State) Put(key, value []byte) error {
	return s.write(Write{Key: s.prefix + string(key), Value: append([]byte(nil), value...)})
}

// Delete removes a key, present or not.
func (s *State) Delete(key []byte) error {
	return s.write(Write{Key: s.prefix + string(key), Delete: true})
}

func (s *State) write(w Write) error {
	s.writes++
	s.bytes += len(w.Key) + len(w.Value)
	if s.writes > MaxStateWrites || s.bytes > MaxStateBytes {
		return ErrStateQuota
	}
	if s.before == nil {
		s.before = append(make([]Write, 0, len(s.tx.writes)+1), s.tx.writes...)
	}
	s.tx.write(w)
	s.tx.put(s.guard, nil)
	return nil
}

// Discard takes back all that was written through this State, for a service
// that fails after it has written. Nothing else may have written to the unit
// of work meanwhile.
func (s *State) Discard() {
	if s.before != nil {
		s.tx.writes, s.before = s.before, nil
	}
}

// Entry is one key and value of a scan.
type Entry struct {
	Key   []byte
	Value []byte
}

// Scan returns up to limit entries whose keys begin with prefix and come after
// the key after, in key order, the operation's own writes included.
func (s *State) Scan(ctx context.Context, prefix, after []byte, limit int) ([]Entry, error) {
	if s.reads++; s.reads > MaxStateReads {
		return nil, ErrStateQuota
	}
	if err := s.tx.load(ctx, s.guard); err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, min(limit, 16))
	cursor := ""
	if len(after) > 0 {
		cursor = s.prefix + string(after)
	}
	for {
		page, err := s.tx.list(ctx, s.prefix+string(prefix), cursor, min(limit, MaxListLimit))
		if err != nil {
			return nil, err
		}
		records := s.tx.overlay(page, s.prefix+string(prefix), cursor)
		for _, r := range records {
			if len(entries) == limit {
				return entries, nil
			}
			entries = append(entries, Entry{Key: []byte(strings.TrimPrefix(r.Key, s.prefix)), Value: r.Value})
		}
		if !page.More || len(page.Records) == 0 {
			return entries, nil
		}
		cursor = page.Records[len(page.Records)-1].Key
	}
}
