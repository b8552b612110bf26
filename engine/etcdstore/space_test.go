package etcdstore

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

const mib = 1 << 20

func TestSpaceSaysWhatIsShort(t *testing.T) {
	for name, test := range map[string]struct {
		space      Space
		says       string
		refusesAny bool
	}{
		"empty":                     {Space{Size: mib, InUse: mib, Quota: 100 * mib}, "", false},
		"no quota":                  {Space{Size: mib, InUse: mib}, "", false},
		"filling":                   {Space{Size: 80 * mib, InUse: 80 * mib, Quota: 100 * mib}, "the store fills, 80 %", false},
		"nearly full":               {Space{Size: 90 * mib, InUse: 85 * mib, Quota: 100 * mib}, "nearly full, 85 %", true},
		"a large file, mostly free": {Space{Size: 90 * mib, InUse: 20 * mib, Quota: 100 * mib}, "", false},
		"the file at the quota":     {Space{Size: 95 * mib, InUse: 20 * mib, Quota: 100 * mib}, "defragment", true},
		"the alarm":                 {Space{Size: mib, InUse: mib, Quota: 100 * mib, Refusing: true}, "NOSPACE", true},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.refusesAny, test.space.shortage() != "")
			if test.says == "" {
				require.Empty(t, test.space.Problem())
			}
			require.Contains(t, test.space.Problem(), test.says)
		})
	}
}

// grow is a commit that adds a record of some 50 KB.
func grow(key string) engine.Commit {
	c := put(key, strings.Repeat("x", 50<<10))
	c.Grows = true
	return c
}

// toldBy is what etcd has last told.
func toldBy(store *Store) Space {
	store.room.mu.Lock()
	defer store.room.mu.Unlock()
	return store.room.known
}

// fill adds records until that is refused for what etcd itself says, and
// returns how many there are.
func fill(t *testing.T, store *Store) int {
	t.Helper()
	n := 0
	for n < 4000 {
		_, err := store.Commit(t.Context(), grow(fmt.Sprint("fill/", n)))
		if err == nil {
			n++
			continue
		}
		require.Equal(t, engine.CodeExhausted, engine.CodeOf(err))
		require.ErrorContains(t, err, "nearly")
		require.Eventually(t, func() bool { // what was counted on top is in the figures
			return store.askForSpace(t.Context()) == nil && toldBy(store).InUse >= int64(n*50<<10)
		}, patience, poll)
		require.NoError(t, store.askForSpace(t.Context()))
		if toldBy(store).shortage() != "" {
			return n
		}
	}
	t.Fatal("the store never filled up")
	return 0
}

const smallQuota = 32 * mib

func TestFromEightyFivePercentOnOnlyWhatDoesNotAddGoesOn(t *testing.T) {
	c := startClusterOf(t, nil, smallQuota)
	for name, o := range map[string]Options{
		"embedded": {DataDir: t.TempDir(), Embedded: Embedded{QuotaBytes: smallQuota}},
		"external": {Endpoints: []string{c.addr}},
	} {
		t.Run(name, func(t *testing.T) {
			store := open(t, o)
			n := fill(t, store)
			require.Greater(t, n*50<<10, smallQuota/2)
			space, err := store.Space(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, smallQuota, space.Quota)
			require.Contains(t, space.Problem(), "nearly")
			for i := range 300 { // revocations, each with its audit entry
				_, err := store.Commit(t.Context(), engine.Commit{Writes: []engine.Write{
					{Key: fmt.Sprint("cred/", i), Value: make([]byte, 300)}, {Key: fmt.Sprint("audit/", i), Value: make([]byte, 200)},
				}})
				require.NoError(t, err)
			}
			_, err = store.Commit(t.Context(), grow("more"))
			require.Equal(t, engine.CodeExhausted, engine.CodeOf(err))
			require.Empty(t, valueOf(t, store, "more"))
		})
	}
}

func TestSpaceOfAClusterIsAskedForInTheBackground(t *testing.T) {
	c := startCluster(t, nil)
	store := open(t, Options{Endpoints: []string{c.addr}})
	before, err := store.Space(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, DefaultQuotaBytes, before.Quota)
	_, err = store.Commit(t.Context(), grow("k"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		now, err := store.Space(t.Context())
		return err == nil && now.Size > before.Size
	}, 10*time.Second, 10*time.Millisecond)
	c.stop()
	require.Eventually(t, func() bool { // what was known serves for a while, and then no longer
		store.room.mu.Lock()
		store.room.asked = time.Time{}
		store.room.mu.Unlock()
		_, err := store.Space(t.Context())
		return engine.CodeOf(err) == engine.CodeUnavailable
	}, 10*time.Second, 10*time.Millisecond)
}
