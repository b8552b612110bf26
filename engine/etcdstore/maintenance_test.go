package etcdstore

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/credence-engine/credence/engine"
)

func maintaining(store *Store) *maintenance {
	return &maintenance{Maintenance: Maintenance{FreeBytes: mib, State: store}, store: store, name: turnName(), cleaned: map[uint64]time.Time{}}
}

func TestHistoryKnowsWhereItWas(t *testing.T) {
	start := time.Now()
	var h history
	require.Zero(t, h.before(start))
	for i := range 20 {
		h.note(start.Add(time.Duration(i)*time.Minute), engine.Revision(100+i))
	}
	require.Zero(t, h.before(start.Add(-time.Second)))
	require.EqualValues(t, 109, h.before(start.Add(9*time.Minute+time.Second)))
	require.Len(t, h, 11, "what is older is forgotten")
	require.EqualValues(t, 110, h.before(start.Add(10*time.Minute)))
	require.EqualValues(t, 119, h.before(start.Add(time.Hour)))
}

// stateOf is what a member says of itself.
func stateOf(id, leader uint64, size, inUse int64) memberState {
	return memberState{endpoint: fmt.Sprint("m", id), status: &clientv3.StatusResponse{
		Header: &etcdserverpb.ResponseHeader{MemberId: id}, Leader: leader, DbSize: size, DbSizeInUse: inUse, DbSizeQuota: 1000 * mib,
	}}
}

// full is a member that has raised its alarm.
func full(m memberState) memberState {
	m.status.Errors = []string{"memberID:1 alarm:NOSPACE "}
	return m
}

func TestTheMemberThatGainsMostIsDefragmentedAndTheLeaderLast(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		members []memberState
		cleaned map[uint64]time.Time
		want    string // "": none
	}{
		"little is free":             {[]memberState{stateOf(1, 1, 200*mib, 150*mib)}, nil, ""},
		"a small file":               {[]memberState{stateOf(1, 1, 60*mib, 1*mib)}, nil, ""},
		"much is free":               {[]memberState{stateOf(1, 1, 200*mib, 90*mib)}, nil, "m1"},
		"the one with most":          {[]memberState{stateOf(1, 3, 200*mib, 90*mib), stateOf(2, 3, 300*mib, 90*mib), stateOf(3, 3, 100*mib, 90*mib)}, nil, "m2"},
		"not the leader":             {[]memberState{stateOf(1, 1, 900*mib, 90*mib), stateOf(2, 1, 200*mib, 90*mib)}, nil, "m2"},
		"the leader when it is last": {[]memberState{stateOf(1, 1, 900*mib, 90*mib), stateOf(2, 1, 91*mib, 90*mib)}, nil, "m1"},
		"done today":                 {[]memberState{stateOf(1, 1, 200*mib, 90*mib)}, map[uint64]time.Time{1: now.Add(-time.Hour)}, ""},
		"done yesterday":             {[]memberState{stateOf(1, 1, 200*mib, 90*mib)}, map[uint64]time.Time{1: now.Add(-25 * time.Hour)}, "m1"},
		"near the quota":             {[]memberState{stateOf(1, 1, 850*mib, 700*mib)}, map[uint64]time.Time{1: now.Add(-time.Hour)}, "m1"},
		"near the quota, and full":   {[]memberState{stateOf(1, 1, 950*mib, 900*mib)}, nil, ""},
		"full":                       {[]memberState{full(stateOf(1, 1, 1000*mib, 950*mib))}, nil, "m1"},
		"full, just done":            {[]memberState{full(stateOf(1, 1, 1000*mib, 950*mib))}, map[uint64]time.Time{1: now.Add(-30 * time.Minute)}, ""},
		"near the quota, just done":  {[]memberState{stateOf(1, 1, 850*mib, 700*mib)}, map[uint64]time.Time{1: now.Add(-time.Minute)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := maintaining(&Store{room: &room{}})
			m.FreeBytes, m.cleaned = DefaultFreeBytes, test.cleaned
			next, found := m.next(test.members, now)
			require.Equal(t, test.want != "", found)
			require.Equal(t, test.want, next.endpoint)
		})
	}
}

func TestAMemberThatIsNotWellIsNamedWithTheReason(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*clientv3.StatusResponse)
		says   string
	}{
		"well":      {func(*clientv3.StatusResponse) {}, ""},
		"full":      {func(s *clientv3.StatusResponse) { s.Errors = []string{"memberID:1 alarm:NOSPACE "} }, ""},
		"no leader": {func(s *clientv3.StatusResponse) { s.Leader = 0 }, "no leader"},
		"learning":  {func(s *clientv3.StatusResponse) { s.IsLearner = true }, "learning"},
		"behind":    {func(s *clientv3.StatusResponse) { s.RaftIndex = 5000 }, "5000 entries behind"},
		"corrupt":   {func(s *clientv3.StatusResponse) { s.Errors = []string{"memberID:1 alarm:CORRUPT "} }, "CORRUPT"},
	} {
		t.Run(name, func(t *testing.T) {
			state := stateOf(1, 1, mib, mib)
			test.change(state.status)
			why := unwell(state.status)
			require.Equal(t, test.says == "", why == "")
			require.Contains(t, why, test.says)
		})
	}
}

// empty deletes what fill has added, and its history.
func empty(t *testing.T, store *Store) {
	t.Helper()
	for {
		page, err := store.List(t.Context(), engine.ListRequest{Prefixes: []string{"fill/"}, Limit: engine.MaxCommitWrites})
		require.NoError(t, err)
		if len(page.Records) == 0 {
			require.NoError(t, store.Compact(t.Context(), page.Revision))
			return
		}
		var c engine.Commit
		for _, r := range page.Records {
			c.Writes = append(c.Writes, engine.Write{Key: r.Key, Delete: true})
		}
		_, err = store.Commit(t.Context(), c)
		require.NoError(t, err)
	}
}

// requireRoom maintains a store until it can grow again and its file is small.
func requireRoom(t *testing.T, m *maintenance) {
	t.Helper()
	now := time.Now()
	require.Eventually(t, func() bool {
		now = now.Add(defragmentEvery)
		if err := m.once(t.Context(), now); err != nil {
			t.Errorf("maintenance: %v", err)
			return true
		}
		_, err := m.store.Commit(t.Context(), grow("more"))
		space, known := m.store.Space(t.Context())
		return err == nil && known == nil && space.Size < smallQuota/2 && !space.Refusing
	}, patience, poll)
}

func TestDeletionCompactionAndDefragmentationBringRoomBack(t *testing.T) {
	for name, overfill := range map[string]func(*testing.T, *Store){
		"nearly full": func(t *testing.T, s *Store) { fill(t, s) },
		"full, with the alarm": func(t *testing.T, s *Store) {
			var refused error
			for n := 0; refused == nil; n++ {
				_, refused = s.Commit(t.Context(), put(fmt.Sprint("fill/", n), strings.Repeat("x", 900<<10)))
				require.Less(t, n, 100)
			}
			require.Equal(t, engine.CodeExhausted, engine.CodeOf(refused))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := startClusterOf(t, nil, smallQuota)
			for kind, o := range map[string]Options{
				"embedded": {DataDir: t.TempDir(), Embedded: Embedded{QuotaBytes: smallQuota}},
				"external": {Endpoints: []string{c.addr}},
			} {
				t.Run(kind, func(t *testing.T) {
					store := open(t, o)
					m := maintaining(store)
					require.NoError(t, m.once(t.Context(), time.Now())) // it has the turn from before, as a full etcd grants no lease
					overfill(t, store)
					require.NoError(t, store.askForSpace(t.Context()))
					require.Greater(t, toldBy(store).Size, int64(smallQuota/2))
					empty(t, store)
					requireRoom(t, m)
				})
			}
		})
	}
}

func TestOneStoreMaintainsAClusterAndAnotherTakesOver(t *testing.T) {
	c := startCluster(t, nil)
	first, err := Open(t.Context(), Options{Endpoints: []string{c.addr}, Lease: time.Second})
	require.NoError(t, err)
	second := open(t, Options{Endpoints: []string{c.addr}})
	one, other := maintaining(first), maintaining(second)
	turn := func(m *maintenance) bool {
		mine, err := m.takeTurn(t.Context())
		require.NoError(t, err)
		return mine
	}
	require.True(t, turn(one))
	require.False(t, turn(other))
	require.True(t, turn(one), "it keeps the turn")

	now := time.Now()
	old, err := first.Commit(t.Context(), put("k", "old"))
	require.NoError(t, err)
	require.NoError(t, one.once(t.Context(), now))
	_, err = first.Commit(t.Context(), put("k", "new"))
	require.NoError(t, err)
	require.NoError(t, one.once(t.Context(), now.Add(historyKept-time.Second)))
	snap, err := first.Read(t.Context(), engine.AsOf(old), "k")
	require.NoError(t, err, "history is kept for a while")
	require.Equal(t, "old", string(snap.Records[0].Value))
	require.NoError(t, other.once(t.Context(), now.Add(time.Hour)), "it is not its turn")
	require.NoError(t, one.once(t.Context(), now.Add(historyKept+time.Minute)))
	require.NoError(t, one.once(t.Context(), now.Add(2*historyKept+time.Minute)))
	_, err = first.Read(t.Context(), engine.AsOf(old-1), "k")
	require.ErrorIs(t, err, engine.ErrCompacted)
	require.Equal(t, "new", valueOf(t, second, "k"))

	require.NoError(t, first.Close())
	require.Eventually(t, func() bool { return turn(other) }, patience, poll)
}

// bloat makes the files of three members large and mostly free.
func bloat(t *testing.T, store *Store) {
	t.Helper()
	for n := range 20 {
		_, err := store.Commit(t.Context(), put(fmt.Sprint("fill/", n), strings.Repeat("x", 500<<10)))
		require.NoError(t, err)
	}
	empty(t, store)
	require.Eventually(t, func() bool { // all have compacted
		_, err := store.Commit(t.Context(), put("k", "v"))
		states, asked := store.askMembers(t.Context())
		if err != nil || asked != nil {
			return false
		}
		for _, state := range states {
			if space := store.room.of(state.status); space.Size < 8*mib || space.InUse > 4*mib {
				return false
			}
		}
		return len(states) == 3
	}, patience, poll)
}

// startMembers starts an external cluster of three; the functions stop them.
func startMembers(t *testing.T) (members []*embed.Etcd, stop []func()) {
	t.Helper()
	t.Chdir(t.TempDir()) // where the members' sockets are
	cluster := make([]string, 3)
	for i := range cluster {
		cluster[i] = fmt.Sprintf("m%d=unix://m%d:0", i, i)
	}
	for i := range cluster {
		config := embed.NewConfig()
		config.Name, config.Dir = fmt.Sprint("m", i), t.TempDir()
		config.TickMs, config.ElectionMs = 50, 500
		config.ListenPeerUrls = []url.URL{{Scheme: "unix", Host: config.Name + ":0"}}
		config.AdvertisePeerUrls = config.ListenPeerUrls
		config.ListenClientUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
		config.AdvertiseClientUrls = config.ListenClientUrls
		config.InitialCluster = strings.Join(cluster, ",")
		config.EnableGRPCGateway = false
		config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
		member, err := embed.StartEtcd(config)
		require.NoError(t, err)
		members, stop = append(members, member), append(stop, sync.OnceFunc(member.Close))
		t.Cleanup(stop[i])
	}
	for _, member := range members {
		<-member.Server.ReadyNotify()
	}
	return members, stop
}

func TestMembersAreDefragmentedOneAtATimeAndNeverWhileAnotherIsDown(t *testing.T) {
	members, stop := startMembers(t)
	var endpoints []string
	for _, member := range members {
		endpoints = append(endpoints, member.Clients[0].Addr().String())
	}
	store := open(t, Options{Endpoints: endpoints})
	bloat(t, store)
	small := func() (done []uint64, leaderToo bool) {
		states, err := store.askMembers(t.Context())
		require.NoError(t, err)
		for _, state := range states {
			if id := state.status.Header.MemberId; state.status.DbSize < 4*mib {
				done = append(done, id)
				leaderToo = leaderToo || state.status.Leader == id
			}
		}
		return done, leaderToo
	}
	partial := open(t, Options{Endpoints: endpoints[:1]})
	require.ErrorContains(t, maintaining(partial).once(t.Context(), time.Now()), "1 of its 3 members answer")
	_, err := partial.Commit(t.Context(), engine.Commit{Writes: []engine.Write{{Key: turnKey, Delete: true}}})
	require.NoError(t, err)

	m := maintaining(store)
	for n := range len(members) - 1 {
		require.NoError(t, m.once(t.Context(), time.Now()))
		done, leaderToo := small()
		require.Len(t, done, n+1, "one at a time")
		require.False(t, leaderToo, "the leader comes last")
	}
	done, _ := small()
	stop[slices.IndexFunc(members, func(e *embed.Etcd) bool { return uint64(e.Server.MemberID()) == done[0] })]()
	require.ErrorContains(t, m.once(t.Context(), time.Now()), "2 of its 3 members answer")
	done, _ = small()
	require.Len(t, done, 1, "the one that is down does not count")
}

func TestMembersOfACredenceClusterAreDefragmentedByOneOfThem(t *testing.T) {
	t.Parallel() // it waits most of the time
	stores := openAll(t, three(t)...)
	peers, err := stores[0].peers(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, peers.Close()) })
	bloat(t, peers)
	one, other := maintaining(stores[0]), maintaining(stores[1])
	for n := range 3 {
		require.NoError(t, one.once(t.Context(), time.Now()))
		require.NoError(t, other.once(t.Context(), time.Now()), "it is not its turn")
		states, err := peers.askMembers(t.Context())
		require.NoError(t, err)
		require.Len(t, slices.DeleteFunc(states, func(s memberState) bool { return s.status.DbSize >= 4*mib }), n+1, "one at a time")
	}
}

func TestARestoredStateBecomesTheFirstMemberOfACluster(t *testing.T) {
	t.Parallel() // it waits most of the time
	o := place(t, "n0")
	require.NoError(t, Restore(t.Context(), Options{DataDir: o.DataDir}, backedUp(t), nothingMore))
	o.Cluster.Secret = testSecret
	require.Equal(t, "v", valueOf(t, openAll(t, o)[0], "k"))
}
