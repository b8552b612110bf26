package enginetest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

func TestMemoryStorePassesTheSuite(t *testing.T) {
	enginetest.StoreSuite(t, func(*testing.T) func() engine.Store {
		state := enginetest.NewMemoryStore()
		return func() engine.Store { return state.Session() }
	})
}

func TestMemoryStoreForgetsOldRevisionsByItself(t *testing.T) {
	store := enginetest.NewMemoryStore()
	ctx := context.Background()
	put := func(i int) engine.Revision {
		rev, err := store.Commit(ctx, engine.Commit{Writes: []engine.Write{
			{Key: fmt.Sprint("k", i%100), Value: fmt.Append(nil, i)},
			{Key: fmt.Sprint("once", i)},
			{Key: fmt.Sprint("once", i-1), Delete: true},
		}})
		require.NoError(t, err)
		return rev
	}
	first := put(0)
	var last engine.Revision
	for i := 1; i < 40_000; i++ {
		last = put(i)
	}
	_, err := store.Read(ctx, engine.AsOf(first), "k0")
	require.ErrorIs(t, err, engine.ErrCompacted)
	snap, err := store.Read(ctx, engine.AsOf(last-8000), "k99")
	require.NoError(t, err)
	require.Equal(t, "31999", string(snap.Records[0].Value))
	page, err := store.List(ctx, engine.ListRequest{Prefixes: []string{"k", "once"}, Limit: engine.MaxListLimit})
	require.NoError(t, err)
	require.Len(t, page.Records, 101)
	require.Equal(t, "once39999", page.Records[100].Key)
}

func TestMemoryStoreListsManyKeys(t *testing.T) {
	store := enginetest.NewMemoryStore()
	ctx := context.Background()
	const n = 5000
	for i := range n { // 7919 is prime to n, so each key comes once, in another order
		_, err := store.Commit(ctx, engine.Commit{Writes: []engine.Write{{Key: fmt.Sprintf("k/%05d", i*7919%n)}}})
		require.NoError(t, err)
	}
	for i := 0; i < n; i += 2 {
		_, err := store.Commit(ctx, engine.Commit{Writes: []engine.Write{{Key: fmt.Sprintf("k/%05d", i), Delete: true}}})
		require.NoError(t, err)
	}
	rev, err := store.Commit(ctx, engine.Commit{Writes: []engine.Write{{Key: "last"}}})
	require.NoError(t, err)
	require.NoError(t, store.Compact(ctx, rev))
	next, after := 1, ""
	for {
		page, err := store.List(ctx, engine.ListRequest{Prefixes: []string{"k/"}, After: after, Limit: 137})
		require.NoError(t, err)
		for _, r := range page.Records {
			require.Equal(t, fmt.Sprintf("k/%05d", next), r.Key)
			next, after = next+2, r.Key
		}
		if !page.More {
			break
		}
	}
	require.Equal(t, n+1, next)
}

func BenchmarkMemoryStoreRead(b *testing.B) {
	store := enginetest.NewMemoryStore()
	ctx := context.Background()
	keys := make([]string, 100_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("cred/app/%02x/%d", i%256, i)
		_, err := store.Commit(ctx, engine.Commit{Writes: []engine.Write{{Key: keys[i], Value: make([]byte, 350)}}})
		require.NoError(b, err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at := i * 7919 % (len(keys) - 2)
		if _, err := store.Read(ctx, engine.Strict, keys[at], keys[at+1], keys[at+2]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMemoryStoreCommit(b *testing.B) {
	store := enginetest.NewMemoryStore()
	ctx := context.Background()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		key := fmt.Sprintf("cred/app/%02x/%d", i%256, i)
		if _, err := store.Commit(ctx, engine.Commit{
			Checks: []engine.Check{{Key: key}},
			Writes: []engine.Write{{Key: key, Value: make([]byte, 350)}},
		}); err != nil {
			b.Fatal(err)
		}
	}
}
