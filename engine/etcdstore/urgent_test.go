package etcdstore

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func TestUrgentCommitsDoNotNeedTheConnectionOfOthers(t *testing.T) {
	c := startCluster(t, nil)
	store := open(t, Options{Endpoints: []string{c.addr}, Lease: time.Second})
	require.NoError(t, closeClient(store.client))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := store.Commit(ctx, put("k", "ordinary"))
	require.Equal(t, engine.CodeUnavailable, engine.CodeOf(err))

	urgent := put("k", "urgent")
	urgent.Urgent = true
	urgent.Writes = append(urgent.Writes, engine.Write{Key: "e", Ephemeral: true})
	rev, err := store.Commit(t.Context(), urgent)
	require.NoError(t, err)
	require.Positive(t, rev)
	held := store.Held()
	require.Eventually(t, func() bool { return store.Held().After(held) }, 20*time.Second, 5*time.Millisecond, "the lease is renewed")
	require.Equal(t, "urgent", valueOf(t, open(t, Options{Endpoints: []string{c.addr}}), "k"))
}
