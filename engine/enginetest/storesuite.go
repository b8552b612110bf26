package enginetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

// patience bounds each wait of the suite: long enough for a slow machine
// under the race detector, short enough to see that something hangs.
const patience = 20 * time.Second

// StoreSuite checks that a store keeps the contract of [engine.Store]. begin
// makes an empty state that the suite alone uses, once for each behaviour, and
// returns what opens stores on it. It arranges for their end with t.Cleanup;
// those after the first are also ended by their Close, an [io.Closer]'s.
//
// A store that has a method Compact(context.Context, engine.Revision) error,
// which forgets the states before a revision, is also checked for what it
// answers then; one with a method Expire(), which ends its lease, for what
// becomes of its ephemeral records.
func StoreSuite(t *testing.T, begin func(t *testing.T) (open func() engine.Store)) {
	t.Helper()
	for name, check := range map[string]func(*storeTest){
		"read/absent keys have no version":                      readAbsent,
		"read/several keys come at one revision":                readOneRevision,
		"read/as of a revision is exact":                        readAsOf,
		"read/weaker modes never show less than was asked for":  readModes,
		"read/a guess was true at some time":                    readGuess,
		"read/a revision not reached is unavailable":            readFuture,
		"read/a compacted revision is refused":                  readCompacted,
		"read/limits are enforced":                              readLimits,
		"read/an ended context is a deadline":                   readDeadline,
		"list/keys come in byte order":                          listOrder,
		"list/pages join without gap or repeat":                 listPages,
		"list/many prefixes are one listing":                    listManyPrefixes,
		"list/pages pinned to a revision ignore later changes":  listPinned,
		"list/a prefix does not reach its neighbours":           listNeighbours,
		"list/a compacted page is refused":                      listCompacted,
		"list/limits are enforced":                              listLimits,
		"commit/checks decide":                                  commitChecks,
		"commit/a conflict applies nothing":                     commitConflict,
		"commit/a deleted key is absent":                        commitDelete,
		"commit/without a write makes no new revision":          commitNothing,
		"commit/the marker makes it happen once":                commitMarker,
		"commit/limits are enforced":                            commitLimits,
		"commit/the largest one is accepted":                    commitLargest,
		"commit/counters lose no update":                        commitCounters,
		"commit/slices stay the caller's":                       commitSlices,
		"commit/an ended context changes nothing":               commitDeadline,
		"ephemeral/one is a record like any other":              ephemeralRecord,
		"ephemeral/they end with the store that wrote them":     ephemeralClosed,
		"ephemeral/the last write decides whose it is":          ephemeralOwner,
		"ephemeral/they end with the lease, the store goes on":  ephemeralExpired,
		"ephemeral/how long they are held is told":              ephemeralHeld,
		"watch/changes come in order and grouped by revision":   watchOrder,
		"watch/from 0 begins at the present":                    watchFromNow,
		"watch/a prefix is isolated":                            watchPrefix,
		"watch/deletes are told":                                watchDelete,
		"watch/a change arrives without a poll":                 watchLive,
		"watch/the end of the context is no error":              watchEnd,
		"watch/a watcher that falls behind misses nothing":      watchBehind,
		"watch/many watchers see the same":                      watchMany,
		"watch/compacted changes are refused":                   watchCompacted,
		"watch/a break of the loop ends the watch":              watchBreak,
		"watch/a sequence can be ranged again from where it is": watchAgain,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			open := begin(t)
			check(&storeTest{T: t, Store: open(), open: open, ctx: ctx})
		})
	}
}

// storeTest is one behaviour's view of its store.
type storeTest struct {
	*testing.T
	engine.Store
	open func() engine.Store // a further store on the same state
	ctx  context.Context     //nolint:containedctx // the test's, for all of its calls
}

// put writes a key without a check and returns the revision.
func (s *storeTest) put(key, value string) engine.Revision {
	s.Helper()
	return s.commit(engine.Commit{Writes: []engine.Write{{Key: key, Value: []byte(value)}}})
}

func (s *storeTest) delete(key string) engine.Revision {
	s.Helper()
	return s.commit(engine.Commit{Writes: []engine.Write{{Key: key, Delete: true}}})
}

func (s *storeTest) commit(c engine.Commit) engine.Revision {
	s.Helper()
	rev, err := s.Commit(s.ctx, c)
	require.NoError(s, err)
	require.Positive(s, rev)
	return rev
}

// fill writes n keys below prefix, many at a time, and returns them in order.
func (s *storeTest) fill(prefix string, n int) []string {
	s.Helper()
	var keys []string
	var c engine.Commit
	for i := range n {
		key := fmt.Sprintf("%s%06d", prefix, i)
		keys = append(keys, key)
		c.Writes = append(c.Writes, engine.Write{Key: key, Value: []byte(key)})
		if len(c.Writes) == engine.MaxCommitWrites || i == n-1 {
			s.commit(c)
			c.Writes = nil
		}
	}
	return keys
}

func (s *storeTest) read(c engine.Consistency, keys ...string) engine.Snapshot {
	s.Helper()
	snap, err := s.Read(s.ctx, c, keys...)
	require.NoError(s, err)
	require.Len(s, snap.Records, len(keys))
	for i, key := range keys {
		require.Equal(s, key, snap.Records[i].Key)
	}
	return snap
}

// value returns what a key holds now, or "" when it is absent.
func (s *storeTest) value(key string) string {
	s.Helper()
	return string(s.read(engine.Strict, key).Records[0].Value)
}

func (s *storeTest) list(r engine.ListRequest) engine.Page {
	s.Helper()
	page, err := s.List(s.ctx, r)
	require.NoError(s, err)
	require.LessOrEqual(s, len(page.Records), r.Limit)
	return page
}

// walk lists page after page, all pinned to one revision, and returns the keys.
func (s *storeTest) walk(r engine.ListRequest) []string {
	s.Helper()
	keys := []string{}
	for range 10_000 {
		page := s.list(r)
		for _, record := range page.Records {
			require.True(s, record.Exists())
			keys = append(keys, record.Key)
		}
		r.Consistency = engine.AsOf(page.Revision)
		if !page.More {
			return keys
		}
		require.NotEmpty(s, page.Records, "a page that announces more must move on")
		r.After = page.Records[len(page.Records)-1].Key
	}
	s.Fatal("the listing does not end")
	return nil
}

// compact forgets the states before rev, or skips a store that cannot.
func (s *storeTest) compact(rev engine.Revision) {
	s.Helper()
	compacter, ok := s.Store.(interface {
		Compact(ctx context.Context, rev engine.Revision) error
	})
	if !ok {
		s.Skip("the store offers no Compact")
	}
	require.NoError(s, compacter.Compact(s.ctx, rev))
}

// refused asserts that err has the code and a message that says what is wrong.
func (s *storeTest) refused(err error, code engine.Code, says string) {
	s.Helper()
	require.Error(s, err)
	require.Equal(s, code, engine.CodeOf(err), "%v", err)
	require.Contains(s, err.Error(), says)
}

func keysOf(records []engine.Record) []string {
	keys := make([]string, len(records))
	for i, r := range records {
		keys[i] = r.Key
	}
	return keys
}
