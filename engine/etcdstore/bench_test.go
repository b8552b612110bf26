package etcdstore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/credence-engine/credence/engine"
)

// recordBytes is the size of a credentials record with a public key.
const recordBytes = 350

// BenchmarkAgainstBareEtcd runs each operation through the store and, in the
// same run and in turns, through etcd's client alone with the same bytes. The
// metric "of-bare" is the share of the client's speed that the store reaches.
func BenchmarkAgainstBareEtcd(b *testing.B) {
	cluster := startCluster(b, nil)
	value := []byte(strings.Repeat("v", recordBytes))
	for place, o := range map[string]Options{
		"embedded": {DataDir: b.TempDir()}, "external": {Endpoints: []string{cluster.addr}},
	} {
		store := open(b, o)
		for _, test := range []struct {
			name        string
			store, bare func(ctx context.Context, key string) error
		}{
			{
				"put",
				func(ctx context.Context, key string) error {
					_, err := store.Commit(ctx, engine.Commit{Writes: []engine.Write{{Key: key, Value: value}}})
					return err
				},
				func(ctx context.Context, key string) error {
					_, err := store.client.Put(ctx, store.prefix+key, string(value))
					return err
				},
			},
			{
				"compare-put",
				func(ctx context.Context, key string) error {
					_, err := store.Commit(ctx, engine.Commit{
						Checks: []engine.Check{{Key: key}},
						Writes: []engine.Write{{Key: key, Value: value}, {Key: key + "-op"}}, Marker: key + "-op",
					})
					return err
				},
				func(ctx context.Context, key string) error {
					_, err := store.client.Txn(ctx).
						If(clientv3.Compare(clientv3.ModRevision(store.prefix+key), "=", 0)).
						Then(clientv3.OpPut(store.prefix+key, string(value)), clientv3.OpPut(store.prefix+key+"-op", "")).
						Commit()
					return err
				},
			},
			{
				"get",
				func(ctx context.Context, key string) error {
					_, err := store.Read(ctx, engine.Strict, key)
					return err
				},
				func(ctx context.Context, key string) error {
					_, err := store.client.Get(ctx, store.prefix+key)
					return err
				},
			},
		} {
			for _, clients := range []int{1, 64} {
				b.Run(fmt.Sprintf("%s/%s/clients=%d", place, test.name, clients), func(b *testing.B) {
					compare(b, clients, test.store, test.bare)
				})
			}
		}
	}
}

// turns is how often the two sides take turns, so that what else the machine
// does falls on both.
const turns = 8

func compare(b *testing.B, clients int, ours, bare func(context.Context, string) error) {
	var oursTook, bareTook time.Duration
	each := max(b.N/turns/clients, 1)
	b.ResetTimer()
	for turn := range turns {
		oursTook += spend(b, clients, each, fmt.Sprintf("%d/ours/%d", time.Now().UnixNano(), turn), ours)
		bareTook += spend(b, clients, each, fmt.Sprintf("%d/bare/%d", time.Now().UnixNano(), turn), bare)
	}
	b.StopTimer()
	n := float64(turns * each * clients)
	b.ReportMetric(n/oursTook.Seconds(), "ops/s")
	b.ReportMetric(bareTook.Seconds()/oursTook.Seconds(), "of-bare")
	b.ReportMetric(0, "ns/op") // it would count both sides
}

// spend runs do from several clients, each times in each, and tells how long
// it took.
func spend(b *testing.B, clients, each int, name string, do func(context.Context, string) error) time.Duration {
	var wg sync.WaitGroup
	started := time.Now()
	for client := range clients {
		wg.Go(func() {
			for i := range each {
				if err := do(b.Context(), fmt.Sprintf("bench/%s/%d/%d", name, client, i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(started)
}

func BenchmarkOpenEmbedded(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		store, err := Open(b.Context(), Options{DataDir: dir})
		require.NoError(b, err)
		b.StopTimer()
		require.NoError(b, store.Close())
		b.StartTimer()
	}
}

// BenchmarkListPage lists pages of 100 out of 20 000 records in 256 shards.
func BenchmarkListPage(b *testing.B) {
	store := open(b, Options{DataDir: b.TempDir()})
	prefixes := make([]string, 256)
	for i := range prefixes {
		prefixes[i] = fmt.Sprintf("cred/app/%02x/", i)
	}
	var c engine.Commit
	for i := range 20_000 {
		c.Writes = append(c.Writes, engine.Write{Key: fmt.Sprintf("%s%05d", prefixes[i%256], i), Value: make([]byte, recordBytes)})
		if len(c.Writes) == 100 {
			_, err := store.Commit(b.Context(), c)
			require.NoError(b, err)
			c.Writes = nil
		}
	}
	b.ResetTimer()
	after := ""
	for b.Loop() {
		page, err := store.List(b.Context(), engine.ListRequest{Prefixes: prefixes, After: after, Limit: 100})
		require.NoError(b, err)
		after = ""
		if page.More {
			after = page.Records[len(page.Records)-1].Key
		}
	}
}
