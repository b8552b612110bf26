package engine

import (
	"context"
	"errors"
	"slices"
	"time"
)

// maxTries bounds how often one operation is run again after a conflict.
const maxTries = 24

// Caller says on whose behalf an operation runs.
type Caller struct {
	Tenant    TenantID
	User      UserName
	RequestID string
	// Idempotency is nil when the caller gave no key.
	Idempotency *Idempotency
}

// Tx is the unit of work of one operation: reads are all as of one revision
// and are remembered, writes are buffered, and one commit applies the writes
// if nothing that was read has changed. A conflict runs the operation again
// from its start, so what runs inside must have no effect outside.
//
// A Tx belongs to one goroutine and ends with its operation.
type Tx struct {
	store    Store
	caller   Caller
	first    Consistency
	snapshot Revision // 0 before the first read
	reads    []Record
	writes   []Write
	entry    *AuditEntry
	urgent   bool // see Commit

	service ServiceName   // whom State belongs to
	app     ApplicationID // and for which application
}

// Caller says on whose behalf the operation runs.
func (tx *Tx) Caller() Caller { return tx.caller }

// load reads the keys that this unit of work has not yet seen, in one round
// trip.
func (tx *Tx) load(ctx context.Context, keys ...string) error {
	missing := make([]string, 0, 4)
	for _, key := range keys {
		if _, seen := tx.seen(key); !seen && !slices.Contains(missing, key) {
			missing = append(missing, key)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	snap, err := tx.store.Read(ctx, tx.consistency(), missing...)
	if err != nil {
		return tx.lost(err)
	}
	if tx.snapshot == 0 && tx.first.Mode != ModeGuess {
		tx.snapshot = snap.Revision
	}
	tx.reads = append(tx.reads, snap.Records...)
	return nil
}

// get returns a record as this unit of work sees it, its own writes included.
func (tx *Tx) get(ctx context.Context, key string) (Record, error) {
	if w := tx.written(key); w != nil {
		if w.Delete {
			return Record{Key: key}, nil
		}
		return Record{Key: key, Value: w.Value, Version: tx.snapshot + 1}, nil
	}
	if r, seen := tx.seen(key); seen {
		return r, nil
	}
	if err := tx.load(ctx, key); err != nil {
		return Record{}, err
	}
	r, _ := tx.seen(key)
	return r, nil
}

// list reads one page below a prefix, as of the unit's revision. The page is
// not guarded against later commits: whoever decides by it loads a guard key
// before, so that a page is never older than what is checked.
func (tx *Tx) list(ctx context.Context, prefix, after string, limit int) (Page, error) {
	at := tx.consistency()
	if at.Mode == ModeGuess {
		at = Strict
	}
	page, err := tx.store.List(ctx, ListRequest{
		Consistency: at, Prefixes: []string{prefix}, After: after, Limit: limit,
	})
	if err != nil {
		return Page{}, tx.lost(err)
	}
	if tx.snapshot == 0 && tx.first.Mode != ModeGuess {
		tx.snapshot = page.Revision
	}
	return page, nil
}

func (tx *Tx) put(key string, value []byte) { tx.write(Write{Key: key, Value: value}) }

func (tx *Tx) delete(key string) { tx.write(Write{Key: key, Delete: true}) }

// save encodes v and puts it.
func (tx *Tx) save(key string, v any) error {
	value, err := encode(v)
	if err != nil {
		return err
	}
	tx.put(key, value)
	return nil
}

func (tx *Tx) write(w Write) {
	if old := tx.written(w.Key); old != nil {
		*old = w
		return
	}
	tx.writes = append(tx.writes, w)
}

func (tx *Tx) written(key string) *Write {
	for i := range tx.writes {
		if tx.writes[i].Key == key {
			return &tx.writes[i]
		}
	}
	return nil
}

func (tx *Tx) seen(key string) (Record, bool) {
	for i := range tx.reads {
		if tx.reads[i].Key == key {
			return tx.reads[i], true
		}
	}
	return Record{}, false
}

// recency says how recent a decision of this unit of work is: as its reads are,
// or strict where there is a commit, which checks that nothing has changed.
func (tx *Tx) recency() Consistency {
	if len(tx.writes) > 0 {
		return Strict
	}
	return tx.first
}

func (tx *Tx) consistency() Consistency {
	if tx.snapshot == 0 {
		return tx.first
	}
	return AsOf(tx.snapshot)
}

// lost turns the loss of a pinned revision into a conflict: the operation
// reads anew.
func (tx *Tx) lost(err error) error {
	if tx.snapshot != 0 && errors.Is(err, ErrCompacted) {
		return ErrConflict
	}
	return err
}

// audit names what the operation did; the entry is committed with it. The
// caller may add to it. Who and when are filled in by the commit.
func (tx *Tx) audit(action string, app ApplicationID, target string) *AuditEntry {
	tx.entry = &AuditEntry{Action: action, Application: app, Target: target}
	return tx.entry
}

// deny makes the commit one that takes rights away in an application: all nodes
// hear of it, and acknowledge it.
func (tx *Tx) deny(app ApplicationID) {
	tx.put(denialKey(app), nil)
	tx.urgent = true
}

// commit applies the buffered writes. It returns the revision at which they,
// or else what was read, hold.
func (tx *Tx) commit(ctx context.Context, now time.Time) (Revision, error) {
	if len(tx.writes) == 0 {
		return tx.snapshot, nil
	}
	marker, err := tx.saveAudit(now)
	if err != nil {
		return 0, err
	}
	checks := make([]Check, 0, len(tx.reads))
	for _, r := range tx.reads {
		if commitsCompare {
			checks = append(checks, Check{Key: r.Key, Version: r.Version})
		}
	}
	grows := tx.entry != nil && growing[tx.entry.Action]
	return tx.store.Commit(ctx, Commit{Checks: checks, Writes: tx.writes, Marker: marker, Urgent: tx.urgent, Grows: grows})
}

// run gives fn a fresh unit of work, commits it, and starts over on a
// conflict, then with Strict reads: what was read before was too old. It
// returns the revision at which the outcome holds.
//
// With Guess the first try works on what the store has at hand, which saves a
// round trip where the guess is right. Only a commit, which checks what was
// read, makes the outcome of such a try count; anything else is looked at again.
func (e *Engine) run(ctx context.Context, caller Caller, first Consistency, fn func(*Tx) error) (Revision, error) {
	for try := range maxTries {
		tx := &Tx{store: e.store, caller: caller, first: first}
		err := fn(tx)
		guess := first.Mode == ModeGuess
		if guess && (err != nil || len(tx.writes) == 0) {
			err = ErrConflict
		}
		if err == nil {
			var rev Revision
			if rev, err = tx.commit(ctx, e.now()); err == nil {
				return rev, nil
			}
		}
		if !errors.Is(err, ErrConflict) {
			return 0, err
		}
		first = Strict
		if err := e.pause(ctx, try); err != nil {
			return 0, err
		}
	}
	return 0, Errorf(CodeUnavailable, "the records of this request are being changed by many others: try again")
}

// pause waits a little, and longer with each try, so that competing
// operations do not meet again.
func (e *Engine) pause(ctx context.Context, try int) error {
	if try == 0 {
		return ctx.Err()
	}
	ceiling := time.Millisecond << min(try, 6)
	timer := time.NewTimer(e.spread(ceiling))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return Wrap(ctx.Err(), CodeUnavailable, "the request's time ran out while other changes were in the way: try again")
	}
}
