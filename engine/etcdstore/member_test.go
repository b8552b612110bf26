package etcdstore

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/credence-engine/credence/engine"
)

// port is a free port outside the range from which the system takes those of
// outgoing connections, so that none of them gets it while a member is down.
func port(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 15000+rand.IntN(15000))
		if l, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, l.Close())
			return address
		}
	}
	t.Fatal("there is no free port")
	return ""
}

// place is where a member of the tests runs.
func place(t testing.TB, name string) Options {
	t.Helper()
	return Options{DataDir: filepath.Join(t.TempDir(), "data"), Cluster: &Cluster{Name: name, ListenPeer: port(t), ListenClient: port(t)}}
}

// openAll opens members at the same time, since none is ready without the
// others.
func openAll(t testing.TB, all ...Options) []*Store {
	t.Helper()
	stores := make([]*Store, len(all))
	var group errgroup.Group
	for i, o := range all {
		group.Go(func() (err error) {
			stores[i], err = Open(t.Context(), o)
			return err
		})
	}
	require.NoError(t, group.Wait())
	for _, store := range stores {
		t.Cleanup(func() { require.NoError(t, store.Close()) })
	}
	return stores
}

// three are members that know each other by a list.
func three(t testing.TB) []Options {
	t.Helper()
	all := make([]Options, 3)
	var members []Member
	for i := range all {
		all[i] = place(t, fmt.Sprint("n", i))
		members = append(members, Member{all[i].Cluster.Name, all[i].Cluster.ListenPeer})
	}
	for i := range all {
		all[i].Cluster.Secret, all[i].Cluster.Members = testSecret, members
	}
	return all
}

func TestMembersOfAListShareOneStateAndGoOnWithoutOne(t *testing.T) {
	t.Parallel() // it waits most of the time
	all := three(t)
	stores := openAll(t, all...)
	_, err := stores[0].Commit(t.Context(), put("k", "one"))
	require.NoError(t, err)
	for i, store := range stores {
		require.Equal(t, "one", valueOf(t, store, "k"), "a strict read sees what was written through another member")
		require.Equal(t, fmt.Sprint("n", i), store.Member())
		require.Equal(t, stores[0].SharedKey("a", 32), store.SharedKey("a", 32))
	}
	require.NoError(t, stores[1].Close())
	_, err = stores[0].Commit(t.Context(), put("k", "two"))
	require.NoError(t, err)
	require.Equal(t, "two", valueOf(t, stores[2], "k"))

	back := openAll(t, Options{DataDir: all[1].DataDir, Cluster: &Cluster{}})[0] // neither list nor secret
	require.Equal(t, "two", valueOf(t, back, "k"))
	require.Equal(t, "n1", back.Member())

	require.NoError(t, back.Close())
	_, err = Open(t.Context(), Options{DataDir: all[1].DataDir})
	require.ErrorContains(t, err, "is that of the member n1 of a cluster: start it with --cluster")
}

func TestAMemberWithoutTheOthersDoesNotAnswer(t *testing.T) {
	t.Parallel() // it waits most of the time
	stores := openAll(t, three(t)...)
	require.NoError(t, stores[0].Close())
	require.NoError(t, stores[1].Close())
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	require.Contains(t, []engine.Code{engine.CodeUnavailable, engine.CodeDeadline}, engine.CodeOf(stores[2].Ready(ctx)), "it could only say what was true once")
	_, err := stores[2].Commit(ctx, put("k", "v"))
	require.Error(t, err)
}

// A server that stood alone becomes the first member; others join it by token,
// and one is replaced.
func TestMembersJoinByTokenAndAreReplaced(t *testing.T) {
	t.Parallel() // it waits most of the time
	first := place(t, "n0")
	alone := open(t, Options{DataDir: first.DataDir})
	_, err := alone.Commit(t.Context(), put("k", "from before"))
	require.NoError(t, err)
	require.NoError(t, alone.Close())
	stores := openAll(t, first)
	token, err := JoinToken(t.Context(), first.DataDir)
	require.NoError(t, err)

	second, third := place(t, "n1"), place(t, "n2")
	second.Cluster.Join, third.Cluster.Join = token, token
	stores = append(stores, openAll(t, second)[0])
	require.Equal(t, "from before", valueOf(t, stores[1], "k"))
	stores = append(stores, openAll(t, third)[0])

	m, err := OpenMembership(t.Context(), second.DataDir)
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close()) }()
	members, err := m.Members(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"n0", "n1", "n2"}, namesOf(members))
	leaders := 0
	for _, s := range members {
		require.True(t, s.Reachable && s.Voter, "%+v", s)
		if s.Leader {
			leaders++
		}
	}
	require.Equal(t, 1, leaders)
	require.ErrorContains(t, m.Remove(t.Context(), "nobody"), "n0, n1, n2")

	require.NoError(t, stores[2].Close())
	require.ErrorContains(t, m.Remove(t.Context(), "n0"), "Bring n2 back first")
	again := third
	again.DataDir = filepath.Join(t.TempDir(), "other")
	_, err = Open(t.Context(), again)
	require.ErrorContains(t, err, "credence cluster remove n2")
	require.NoError(t, m.Remove(t.Context(), "n2"))
	back := openAll(t, again)[0]
	require.Equal(t, "from before", valueOf(t, back, "k"))
	require.NoError(t, back.Close())
	_, err = Open(t.Context(), third)
	require.ErrorContains(t, err, "was removed from the cluster")
}

func TestAMemberThatIsRemovedEnds(t *testing.T) {
	t.Parallel() // it waits most of the time
	first, second := place(t, "n0"), place(t, "n1")
	openAll(t, first)
	var err error
	second.Cluster.Join, err = JoinToken(t.Context(), first.DataDir)
	require.NoError(t, err)
	removed := openAll(t, second)[0]
	m, err := OpenMembership(t.Context(), first.DataDir)
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close()) }()
	require.NoError(t, m.Remove(t.Context(), "n1"))
	require.ErrorContains(t, removed.Wait(t.Context()), "was removed from the cluster")
	require.ErrorContains(t, m.Remove(t.Context(), "n0"), "last member")
}

// Whoever lacks the secret gets no further than the handshake, at either port.
func TestOnlyWhoHasTheSecretGetsThrough(t *testing.T) {
	t.Parallel() // it waits most of the time
	o := place(t, "n0")
	o.Cluster.Secret = testSecret
	openAll(t, o)
	right, err := newAuthority(testSecret)
	require.NoError(t, err)
	wrong, err := newAuthority(testSecret + "!")
	require.NoError(t, err)
	insider, err := right.client("n1")
	require.NoError(t, err)
	stranger, err := wrong.client("n1")
	require.NoError(t, err)
	nobody := insider.Clone()
	nobody.Certificates = nil
	trusting := stranger.Clone()
	trusting.RootCAs = insider.RootCAs
	old := insider.Clone()
	old.MinVersion, old.MaxVersion = 0, tls.VersionTLS12
	for _, address := range []string{o.Cluster.ListenPeer, o.Cluster.ListenClient} {
		get := func(config *tls.Config) error {
			transport := &http.Transport{TLSClientConfig: config}
			defer transport.CloseIdleConnections()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/version", nil)
			require.NoError(t, err)
			response, err := (&http.Client{Transport: transport}).Do(request)
			if err == nil {
				response.Body.Close()
			}
			return err
		}
		require.NoError(t, get(insider))
		for name, config := range map[string]*tls.Config{"another secret": stranger, "no certificate": nobody, "a stranger who trusts": trusting, "an old version": old} {
			require.ErrorContains(t, get(config), "tls: ", "%s at %s", name, address)
		}
	}

	joins := place(t, "n1")
	joins.DialTimeout = 2 * time.Second
	joins.Cluster.Join = joinToken{Secret: testSecret + "!", Addresses: []string{o.Cluster.ListenClient}}.text()
	_, err = Open(t.Context(), joins)
	require.ErrorContains(t, err, "no member of the cluster can be reached with this join token")
}
