package etcdstore

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/etcdstore/epoch"
)

// cached is a store with a cache before it, as a node has it.
type cached struct {
	*epoch.Store
	expiring
}

func (c cached) Close() error {
	if err := c.Store.Close(); err != nil {
		return err
	}
	return c.expiring.Close()
}

func TestCachedStorePassesTheSuite(t *testing.T) {
	enginetest.StoreSuite(t, func(t *testing.T) func() engine.Store {
		o := Options{DataDir: t.TempDir()}
		return func() engine.Store {
			store := open(t, o)
			if store.server != nil { // the others come to it
				o = Options{Endpoints: []string{"unix://" + store.server.sockets.client()}}
			}
			cache := epoch.New(store, epoch.Options{Bytes: epoch.DefaultBytes})
			t.Cleanup(func() { require.NoError(t, cache.Close()) })
			return cached{cache, expiring{store}}
		}
	})
}

// TestACachedStoreIsNeverStaleWhileItsConnectionsBreak writes past a proxy and
// reads through it, strictly and at once, while connections are cut and the
// history is compacted (I1).
func TestACachedStoreIsNeverStaleWhileItsConnectionsBreak(t *testing.T) {
	etcd := startCluster(t, nil)
	way := startProxy(t, etcd.addr)
	writer := epoch.New(open(t, Options{Endpoints: []string{etcd.addr}}), epoch.Options{})
	store := epoch.New(open(t, Options{Endpoints: []string{way.addr()}}), epoch.Options{Bytes: epoch.DefaultBytes})
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	for n := range 300 {
		key, value := fmt.Sprint("k/", n%7), fmt.Sprint(n)
		rev, err := writer.Commit(t.Context(), put(key, value))
		require.NoError(t, err)
		switch n % 60 {
		case 20:
			way.cut()
		case 40:
			_, err := etcd.etcd.Server.Compact(t.Context(), &etcdserverpb.CompactionRequest{Revision: int64(rev)})
			require.NoError(t, err)
		case 50:
			way.cut()
			_, err := etcd.etcd.Server.Compact(t.Context(), &etcdserverpb.CompactionRequest{Revision: int64(rev)})
			require.NoError(t, err)
		}
		require.Equal(t, value, valueOf(t, store, key))
		snap, err := store.Read(t.Context(), engine.AtLeast(rev), key)
		require.NoError(t, err)
		require.Equal(t, value, string(snap.Records[0].Value))
	}
	stats := store.Stats()
	t.Logf("%+v", stats)
	require.Greater(t, stats.Hits, stats.Misses, "the cache is hardly used")
	require.Zero(t, stats.Divergences)
}
