package epoch_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/etcdstore/epoch"
)

// BenchmarkMemoryOfARecord fills a cache with records of the size of
// credentials, and tells what one takes of the heap, and for how much the cache
// counts it.
func BenchmarkMemoryOfARecord(b *testing.B) {
	const records, value = 50_000, 450
	state := enginetest.NewMemoryStore()
	keys := make([]string, records)
	for n := range keys {
		keys[n] = fmt.Sprintf("cred/0123456789abcdef/%02x/%040d", n%256, n)
	}
	for from := 0; from < records; from += 100 {
		var c engine.Commit
		for _, key := range keys[from : from+100] {
			c.Writes = append(c.Writes, engine.Write{Key: key, Value: make([]byte, value)})
		}
		_, err := state.Commit(b.Context(), c)
		require.NoError(b, err)
	}
	for b.Loop() {
		store := epoch.New(copying{state.Session()}, epoch.Options{Bytes: 1 << 30})
		require.Eventually(b, func() bool { // the watch has begun
			_, err := store.Read(b.Context(), engine.Strict, keys[0])
			return err == nil && store.Stats().Entries > 0
		}, 10*time.Second, time.Millisecond)
		before := heap()
		for from := 0; from < records; from += 100 {
			_, err := store.Read(b.Context(), engine.Strict, keys[from:from+100]...)
			require.NoError(b, err)
		}
		stats := store.Stats()
		require.Equal(b, int64(records), stats.Entries)
		b.ReportMetric(float64(heap()-before)/records, "heap-B/record")
		b.ReportMetric(float64(stats.Bytes)/records, "counted-B/record")
		require.NoError(b, store.Close())
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// copying hands out records of its own, as a store beyond a connection does.
type copying struct{ *enginetest.Session }

func (s copying) Read(ctx context.Context, c engine.Consistency, keys ...string) (engine.Snapshot, error) {
	snap, err := s.Session.Read(ctx, c, keys...)
	for i, r := range snap.Records {
		snap.Records[i].Key, snap.Records[i].Value = strings.Clone(r.Key), bytes.Clone(r.Value)
	}
	return snap, err
}
