package epoch

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

// tracked is a cache in its first term, whose watch has come to revision 10 and
// to the fifth epoch.
func tracked(limit int64) *cache {
	c := newCache(limit)
	c.begin(&mark{
		begun: time.Now(), revision: 10, epoch: engine.Record{Key: Key, Version: 10, Writes: 5},
	}, func(error) {})
	return c
}

// cacheRecord has a record cached as it was read at revision 10.
func (c *cache) cacheRecord(key, value string) {
	term, _ := c.expect([]string{key})
	r := engine.Record{Key: key}
	if value != "" {
		r = engine.Record{Key: key, Value: []byte(value), Version: 4, Writes: 1}
	}
	c.fill(term, []string{key}, engine.Snapshot{Revision: 10, Records: []engine.Record{r}})
}

func put(key, value string, rev engine.Revision) engine.Event {
	return engine.Event{Record: engine.Record{Key: key, Value: []byte(value), Version: rev, Writes: 2}}
}

func gone(key string, rev engine.Revision) engine.Event {
	return engine.Event{Record: engine.Record{Key: key, Version: rev}, Deleted: true}
}

func epochOf(rev engine.Revision, count int64, writes ...engine.Write) engine.Event {
	return engine.Event{Record: engine.Record{Key: Key, Value: stamp(writes), Version: rev, Writes: count}}
}

func TestAWatchThatLeavesSomethingOutIsNoticed(t *testing.T) {
	writesA, writesAB := []engine.Write{{Key: "a"}}, []engine.Write{{Key: "a"}, {Key: "b"}}
	for name, test := range map[string]struct {
		events []engine.Event
		says   string
	}{
		"all is told":              {[]engine.Event{put("a", "new", 11), epochOf(11, 6, writesA...)}, ""},
		"a commit is left out":     {[]engine.Event{put("a", "new", 11), epochOf(11, 7, writesA...)}, "changes are lost"},
		"an epoch is told twice":   {[]engine.Event{put("a", "new", 11), epochOf(11, 5, writesA...)}, "changes are lost"},
		"a record is left out":     {[]engine.Event{put("a", "new", 11), epochOf(11, 6, writesAB...)}, "a part is lost"},
		"all records are left out": {[]engine.Event{epochOf(11, 6, writesA...)}, "a part is lost"},
		"the epoch is left out":    {[]engine.Event{put("a", "new", 11)}, "a part of it is lost"},
		"the epoch of a delete":    {[]engine.Event{gone("a", 11)}, "a part of it is lost"},
		"the end of a lease":       {[]engine.Event{gone("never cached", 11)}, ""},
		"the epoch is deleted":     {[]engine.Event{gone(Key, 11)}, "changes are lost"},
		"an old revision":          {[]engine.Event{put("a", "new", 10), epochOf(10, 6, writesA...)}, "after 10"},
		"a strange epoch":          {[]engine.Event{{Record: engine.Record{Key: Key, Version: 11, Writes: 6, Value: []byte{1, 200}}}, put("a", "new", 11)}, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			c := tracked(DefaultBytes)
			c.cacheRecord("a", "old")
			err := c.apply(engine.Changes{Revision: test.events[0].Version, Events: test.events})
			if test.says != "" {
				require.ErrorContains(t, err, test.says)
				return
			}
			require.NoError(t, err)
		})
	}
}

func TestADeleteThatIsLeftOutIsMadeGood(t *testing.T) {
	c := tracked(DefaultBytes)
	c.cacheRecord("a", "old")
	require.NoError(t, c.apply(engine.Changes{Revision: 11, Events: []engine.Event{
		put("b", "new", 11), epochOf(11, 6, engine.Write{Key: "b"}, engine.Write{Key: "a", Delete: true}),
	}}))
	snap, ok := c.asOf(11, []string{"a"})
	require.True(t, ok)
	require.False(t, snap.Records[0].Exists())
	_, ok = c.asOf(10, []string{"a"})
	require.False(t, ok, "before, it was there")
}

func TestARevisionWithoutAnEpochDoesNotVouchForThoseBefore(t *testing.T) {
	c := tracked(DefaultBytes)
	c.cacheRecord("a", "old")
	require.NoError(t, c.apply(engine.Changes{Revision: 12, Events: []engine.Event{gone("of a lease", 12)}}))
	_, ok := c.latest([]string{"a"}, func() bool { return c.now >= 11 })
	require.False(t, ok)

	var why error
	c.lose = func(err error) { why = err }
	m := markOf(engine.Snapshot{Revision: 12}, engine.Record{Key: Key, Version: 11, Writes: 6}, time.Now())
	c.expectMark(m)
	require.ErrorIs(t, why, errMisfit, "a barrier found an epoch that the watch has passed by")
	_, ok = c.latest([]string{"a"}, func() bool { return true })
	require.False(t, ok)
}

func TestABarrierMakesWhatIsCachedGoodForItsRevision(t *testing.T) {
	c := tracked(DefaultBytes)
	c.cacheRecord("a", "old")
	_, ok := c.asOf(500, []string{"a"})
	require.False(t, ok, "nobody has asked the store since 10")
	c.expectMark(markOf(engine.Snapshot{Revision: 500}, c.epoch, time.Now()))
	snap, ok := c.latest([]string{"a"}, func() bool { return c.now >= 500 })
	require.True(t, ok)
	require.Equal(t, engine.Revision(500), snap.Revision)
}

func TestACacheIsBoundedByItsBytes(t *testing.T) {
	const limit = 100_000
	c := tracked(limit)
	for n := range 2000 {
		c.cacheRecord(fmt.Sprintf("k/%04d", n), "value")
		c.cacheRecord("k/0000", "value")
		c.latest([]string{"k/0000"}, func() bool { return true })
		_, bytes, _ := c.size()
		require.LessOrEqual(t, bytes, int64(limit))
	}
	entries, bytes, _ := c.size()
	require.Greater(t, bytes, int64(limit*9/10))
	require.Equal(t, bytes/(6+5+entryOverhead), entries)
	require.True(t, c.holds([]string{"k/0000", "k/1999"}), "what is used stays")
	require.False(t, c.holds([]string{"k/0001"}))

	require.NoError(t, c.apply(engine.Changes{Revision: 11, Events: []engine.Event{
		put("k/1999", string(make([]byte, maxEntryBytes+1)), 11), epochOf(11, 6, engine.Write{Key: "k/1999"}),
	}}))
	require.False(t, c.holds([]string{"k/1999"}), "it has become too large to be kept")
	c.end()
	entries, bytes, _ = c.size()
	require.Zero(t, entries)
	require.Zero(t, bytes)
}

func FuzzStamp(f *testing.F) {
	f.Add(stamp([]engine.Write{{Key: "a"}, {Key: "b/\x00", Delete: true}}))
	f.Add([]byte{255, 255, 255})
	f.Fuzz(func(t *testing.T, value []byte) {
		puts, deletes, err := readStamp(value)
		if err != nil {
			require.ErrorIs(t, err, errStamp)
			return
		}
		var writes []engine.Write
		for range puts {
			writes = append(writes, engine.Write{})
		}
		for _, key := range deletes {
			writes = append(writes, engine.Write{Key: key, Delete: true})
		}
		again, keys, err := readStamp(stamp(writes))
		require.NoError(t, err)
		require.Equal(t, puts, again)
		require.Equal(t, deletes, keys)
	})
}
