package etcdstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

// A node is cut off for longer than its lease: it is taken for gone, and when
// it is back, so is what it writes.
func TestEphemeralRecordsOfAStoreThatIsCutOffVanish(t *testing.T) {
	c := startCluster(t, nil)
	p := startProxy(t, c.addr)
	var log logBuffer
	through := open(t, Options{Endpoints: []string{p.addr()}, Lease: 2 * time.Second, Logger: log.logger()})
	direct := open(t, Options{Endpoints: []string{c.addr}})
	announce := engine.Commit{Writes: []engine.Write{{Key: "node", Value: []byte("here"), Ephemeral: true}}}
	_, err := through.Commit(t.Context(), announce)
	require.NoError(t, err)
	first := through.Held()
	require.Never(t, func() bool { return valueOf(t, direct, "node") == "" }, 3*time.Second, 100*time.Millisecond, "the lease is not renewed")

	require.Greater(t, through.Held(), first)

	p.stalled.Store(true)
	require.Eventually(t, func() bool { return valueOf(t, direct, "node") == "" }, 20*time.Second, 5*time.Millisecond)
	require.GreaterOrEqual(t, time.Now(), through.Held(), "the node must know before others do")
	p.stalled.Store(false)
	require.Eventually(t, func() bool {
		_, err := through.Commit(t.Context(), announce)
		return err == nil && valueOf(t, direct, "node") == "here"
	}, 20*time.Second, 20*time.Millisecond)
	require.Greater(t, through.Held(), time.Now().Add(-time.Second))
	require.Eventually(t, func() bool { return log.String() != "" }, 5*time.Second, 20*time.Millisecond)
	require.Contains(t, log.String(), "the lease in etcd was lost")
}

func TestWhatIsHeldIsToldOnlyWhileThereIsALease(t *testing.T) {
	c := startCluster(t, nil)
	store, err := Open(t.Context(), Options{Endpoints: []string{c.addr}, Lease: 2 * time.Second})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	require.Zero(t, store.Held())
	_, err = store.Commit(t.Context(), put("k", "v"))
	require.NoError(t, err)
	require.Zero(t, store.Held(), "nothing that it wrote is ephemeral")

	before := time.Now()
	announce := engine.Commit{Writes: []engine.Write{{Key: "node", Ephemeral: true}}}
	_, err = store.Commit(t.Context(), announce)
	require.NoError(t, err)
	require.Greater(t, store.Held(), before)
	require.Less(t, store.Held(), time.Now().Add(2*time.Second), "there is a margin")

	expiring{store}.Expire() // as an operator would
	require.Eventually(t, func() bool { return store.Held().IsZero() }, 20*time.Second, 5*time.Millisecond)
	_, err = store.Commit(t.Context(), announce)
	require.NoError(t, err)
	require.NotZero(t, store.Held())
	require.NoError(t, store.Close())
	require.Zero(t, store.Held())
}
