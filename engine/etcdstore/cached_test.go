package etcdstore

import (
	"testing"

	"github.com/stretchr/testify/require"

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
