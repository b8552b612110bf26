package engine

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Limits that every store keeps; they are those of etcd's default settings
// (128 operations a transaction, 1.5 MiB a request), less a margin.
const (
	MaxCommitChecks = 120
	MaxCommitWrites = 120
	MaxCommitBytes  = 1 << 20
	MaxKeyBytes     = 1024
	MaxListLimit    = 1000
)

// Revision numbers the states of a store. It grows by one with each commit;
// 0 is "never".
type Revision int64

// Record is one key as a store holds it. Version is the revision of the
// commit that last wrote the key, 0 when the key is absent; Writes counts its
// writes since it was last absent. Ephemeral tells that it lives with a store;
// see [Write].
type Record struct {
	Key       string
	Value     []byte
	Version   Revision
	Writes    int64
	Ephemeral bool
}

// Exists tells whether the key was there.
func (r Record) Exists() bool { return r.Version != 0 }

// Snapshot answers a read: Records[i] belongs to the i-th key asked for, and
// all of them are as of Revision.
type Snapshot struct {
	Revision Revision
	Records  []Record
}

// Mode is a kind of [Consistency].
type Mode uint8

// The modes of a read.
const (
	ModeStrict  Mode = iota // as of a moment after the read was asked for (linearizable)
	ModeBounded             // no older than an age
	ModeAtLeast             // no older than a revision
	ModeAsOf                // as of exactly one revision
	ModeGuess               // as it was at any time, not even for all keys the same
)

// Consistency says how old an answer may be. The zero value is [Strict]. A
// store may always give a stronger answer than it was asked for.
type Consistency struct {
	Mode     Mode
	MaxAge   time.Duration // of ModeBounded
	Revision Revision      // of ModeAtLeast and ModeAsOf
}

// Strict asks for the state at some moment between the call and the return.
var Strict = Consistency{}

// Bounded allows an answer that was true at most d ago.
func Bounded(d time.Duration) Consistency { return Consistency{Mode: ModeBounded, MaxAge: d} }

// AtLeast allows any state that is not older than r.
func AtLeast(r Revision) Consistency { return Consistency{Mode: ModeAtLeast, Revision: r} }

// AsOf asks for the state at exactly r, a revision that an earlier read
// returned.
func AsOf(r Revision) Consistency { return Consistency{Mode: ModeAsOf, Revision: r} }

// Guess asks for what is at hand, without asking anybody: each record as it
// was at some time, be it before it was first written. It is for units of work
// whose commit checks all that they read: a wrong guess ends in ErrConflict,
// never in a wrong write. The snapshot's revision means nothing.
var Guess = Consistency{Mode: ModeGuess}

// Store keeps all state: byte strings under keys, in key order, with one
// revision for the whole. Implementations are safe for concurrent use, never
// keep or change a slice that they were given, and hand out slices that the
// caller must not change. All pass enginetest.StoreSuite.
//
// Errors: [ErrConflict], [ErrUnknownOutcome], [ErrCompacted], or an *Error
// with CodeUnavailable (the store cannot be reached), CodeDeadline (ctx ran
// out on a read), CodeExhausted (the store is full), CodeInvalid (a limit
// above was passed).
type Store interface {
	// Read returns the records of the keys, absent ones included, as of one
	// revision. At most MaxCommitChecks keys.
	Read(ctx context.Context, c Consistency, keys ...string) (Snapshot, error)

	// List returns records of a range in key order; see [ListRequest].
	List(ctx context.Context, r ListRequest) (Page, error)

	// Commit applies all writes at one new revision if every check holds, or
	// else nothing; see [Commit]. It returns the new revision.
	Commit(ctx context.Context, c Commit) (Revision, error)

	// Watch yields each later change of a key that begins with prefix: those
	// of revisions above after, in the order of revisions, each once, all
	// changes of one revision in one Changes value. after may be 0: from the
	// moment at which ranging begins. The sequence ends when ctx is done
	// (without an error) or with one error: ErrCompacted when changes after
	// the given revision are no longer kept (list again, then watch from the
	// list's revision), CodeUnavailable when the store lost touch for good.
	// Short interruptions are bridged without loss. It is not a read: an
	// event tells of a past state, and says nothing of how late it comes.
	// The ranging goroutine is the only one that is used on behalf of the
	// caller after the sequence has ended.
	Watch(ctx context.Context, prefix string, after Revision) iter.Seq2[Changes, error]

	// Held returns a moment, on this process's monotonic clock, up to which
	// the ephemeral records that this store has written are sure to be there.
	// It is counted from when the last renewal that succeeded was sent, so that
	// it comes before the state forgets them. Zero: the store holds none, or
	// has lost them.
	Held() time.Time
}

// ListRequest names a range: all keys that begin with one of Prefixes, which
// must be disjoint and in ascending order, and that come after the key After.
// Limit is between 1 and MaxListLimit. Pages of one listing pass the first
// page's revision with AsOf; when it is no longer kept the answer is
// ErrCompacted. The cost of a page depends on the number of keys below the
// prefixes that it touches, so spread large sets over many prefixes.
type ListRequest struct {
	Consistency Consistency
	Prefixes    []string
	After       string
	Limit       int
}

// Page answers a ListRequest. More tells that at least one further record may
// follow the last one.
type Page struct {
	Revision Revision
	Records  []Record
	More     bool
}

// Commit is one optimistic transaction.
//
// Marker is a key among the writes that no other commit ever writes: the
// store checks that it is absent, and after a failure that leaves the outcome
// open (a time-out, a change of leader) it looks for the marker, so that a
// commit is applied at most once and its outcome is learnt as soon as the
// store can be asked. Only when ctx ends before that is the answer
// ErrUnknownOutcome. A commit without a marker may be applied more than once
// after such a failure: it is for writes where that is harmless, such as
// content-addressed ones.
//
// Urgent asks a store that has several ways to the state for the one that
// ordinary commits cannot fill: it is for what takes rights away. Grows says
// that the commit adds to what is kept; a store that is nearly full refuses it
// with CodeExhausted, so that there is room left for those that do not.
//
// Stamp is one more put, of a layer between the engine and the state, that
// belongs to the same revision. Without a key there is none. It counts towards
// no limit.
type Commit struct {
	Checks []Check
	Writes []Write
	Marker string
	Urgent bool
	Grows  bool
	Stamp  Write
}

// Check holds when the key's last write is the one of Version (0: absent).
type Check struct {
	Key     string
	Version Revision
}

// Write puts Value under Key, or deletes the key. One commit writes a key at
// most once.
//
// Ephemeral ties the record to the life of the store that writes it. It is
// deleted when that store is closed, or has been out of touch with the state
// for longer than its lease, which the store renews by itself. After such a
// loss the store goes on: what it writes then lives under a new lease, and what
// was lost stays lost until it is written again. The last write of a key
// decides whether it is ephemeral, and whose.
type Write struct {
	Key       string
	Value     []byte
	Delete    bool
	Ephemeral bool // nothing to a Delete
}

// Changes are the events of one revision.
type Changes struct {
	Revision Revision
	Events   []Event
}

// Event is one key after a change; a deleted key has no value and
// Deleted set. Version is the revision of the change.
type Event struct {
	Record
	Deleted bool
}

// ErrConflict says that a check of a commit did not hold: read again and
// decide anew.
var ErrConflict = errors.New("the state changed while the operation was under way")

// ErrUnknownOutcome says that a commit may or may not have been applied.
var ErrUnknownOutcome = &Error{
	Code:    CodeUnavailable,
	Message: "the store did not confirm the change in time: it may or may not have been made. Read it back, or repeat the request with the same Idempotency-Key",
}

// ErrCompacted says that a revision is too old to be read or watched.
var ErrCompacted = &Error{
	Code:    CodeCompacted,
	Message: "the listing is too old to go on: start it again from the first page",
}
