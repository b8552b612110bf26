package etcdstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/etcdstore/epoch"
)

// BenchmarkVerify has a node verify registered endpoints, in turns: each with a
// linearizable read of its own, strictly behind the epoch barrier, and bounded
// by a second. After each turn credentials are revoked on another node, and
// whether one of them is accepted afterwards is looked at at once. "strict/read"
// and "bounded/read" are how many times as fast as with a read for each they
// are, the medians of all turns.
func BenchmarkVerify(b *testing.B) {
	places := map[string]func() Options{
		"embedded": func() Options { return Options{DataDir: b.TempDir()} },
		"external": func() Options { return Options{Endpoints: []string{startCluster(b, nil).addr}} },
	}
	for place, where := range places {
		f := newFleet(b, where())
		for _, callers := range []int{1, 64, 256} {
			b.Run(fmt.Sprintf("%s/callers=%d", place, callers), func(b *testing.B) { f.compare(b, callers) })
		}
	}
}

// fleet is credentials that endpoints have claimed, and nodes.
type fleet struct {
	app           engine.ApplicationID
	ids           []engine.CredentialsID
	read          *engine.Engine // without a cache
	cached, other *engine.Engine
	revoked       int // how many of ids, from the end
}

const fleetSize = 1000

func newFleet(b *testing.B, o Options) *fleet {
	b.Helper()
	store := open(b, o)
	node := func(bytes int64) *engine.Engine {
		cache := epoch.New(store, epoch.Options{Bytes: bytes})
		b.Cleanup(func() { require.NoError(b, cache.Close()) })
		return engine.New(engine.Options{Store: cache, Builtins: builtin.Services()})
	}
	f := &fleet{read: node(0), cached: node(epoch.DefaultBytes), other: node(epoch.DefaultBytes)}
	app, err := f.other.CreateApplication(b.Context(), engine.Caller{Tenant: "t"}, engine.ApplicationSpec{Name: "bench", Service: engine.Internal})
	require.NoError(b, err)
	f.app = app.ID
	f.ids = make([]engine.CredentialsID, fleetSize)
	var group sync.WaitGroup
	for worker := range 64 {
		group.Go(func() {
			for n := worker; n < fleetSize; n += 64 {
				c, err := f.other.Provision(b.Context(), engine.Caller{Tenant: "t"}, f.app, engine.ProvisionRequest{Body: fmt.Appendf(nil, "%0350d", n)})
				if err != nil {
					b.Error(err)
					return
				}
				f.ids[n] = c.Credentials.ID
				for _, e := range []*engine.Engine{f.other, f.cached} { // claims, then fills the cache
					f.verify(b, e, f.ids[n], engine.Strict, true)
				}
			}
		})
	}
	group.Wait()
	return f
}

func (f *fleet) verify(b *testing.B, e *engine.Engine, id engine.CredentialsID, c engine.Consistency, want bool) {
	v, err := e.Verify(b.Context(), engine.Caller{Tenant: "t"}, f.app, engine.VerifyRequest{CredentialsID: id, Consistency: c})
	if err != nil || v.Accepted != want {
		b.Errorf("verify %s: accepted %v, reason %q, error %v", id, v.Accepted, v.Reason, err)
	}
}

func (f *fleet) compare(b *testing.B, callers int) {
	const turns = 5
	each := max(b.N/turns/callers, 1)
	var reads, stricts, boundeds []float64
	rate := func(e *engine.Engine, c engine.Consistency, times int) float64 {
		live := f.ids[:fleetSize-f.revoked]
		took := spend(b, callers, times*each, "", func(context.Context, string) error {
			f.verify(b, e, live[rand.IntN(len(live))], c, true)
			return nil
		})
		return float64(callers*times*each) / took.Seconds()
	}
	b.ResetTimer()
	for range turns {
		reads = append(reads, rate(f.read, engine.Strict, 1))
		stricts = append(stricts, rate(f.cached, engine.Strict, 4))
		boundeds = append(boundeds, rate(f.cached, engine.Bounded(time.Second), 8))
		b.StopTimer()
		f.revokeSome(b)
		b.StartTimer()
	}
	b.StopTimer()
	read := median(reads)
	b.ReportMetric(read, "read/s")
	b.ReportMetric(median(stricts), "strict/s")
	b.ReportMetric(median(boundeds), "bounded/s")
	b.ReportMetric(median(stricts)/read, "strict/read")
	b.ReportMetric(median(boundeds)/read, "bounded/read")
	b.ReportMetric(0, "ns/op") // it would count all three
}

// revokeSome revokes on one node and asks the other, many at a time, as soon as
// that has returned.
func (f *fleet) revokeSome(b *testing.B) {
	for range 10 {
		f.revoked++
		id := f.ids[fleetSize-f.revoked]
		_, err := f.other.Revoke(b.Context(), engine.Caller{Tenant: "t"}, f.app, id)
		require.NoError(b, err)
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() { f.verify(b, f.cached, id, engine.Strict, false) })
		}
		group.Wait()
	}
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
