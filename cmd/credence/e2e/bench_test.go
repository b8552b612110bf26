package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/etcdstore"
	"github.com/credence-engine/credence/engine/etcdstore/epoch"
)

// BenchmarkProvision provisions on an embedded etcd, and beside it commits bare
// etcd transactions of the same keys and bytes with the same compares, in turns.
// of-bare is the share of the bare rate that provisioning reaches.
func BenchmarkProvision(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			subject := provisioner(b)
			peer := bareTransactions(b)
			var shares, rates []float64
			for b.Loop() {
				calls := 512 + clients*256
				ours, bare := rate(b, clients, calls, subject), rate(b, clients, calls, peer)
				shares, rates = append(shares, ours/bare), append(rates, ours)
			}
			b.ReportMetric(median(shares), "of-bare")
			b.ReportMetric(median(rates), "provisions/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// caller of the benchmarks.
var benchCaller = engine.Caller{Tenant: engine.DefaultTenant, User: "bench", RequestID: "0193-bench"}

const benchBody = 91 // bytes of a P-256 public key in DER form

// provisioner returns a function that provisions one new key.
func provisioner(b *testing.B) func(context.Context, int64) error {
	b.Helper()
	store, err := etcdstore.Open(b.Context(), etcdstore.Options{DataDir: b.TempDir()})
	require.NoError(b, err)
	b.Cleanup(func() { _ = store.Close() })
	cached := epoch.New(store, epoch.Options{Bytes: epoch.DefaultBytes})
	b.Cleanup(func() { _ = cached.Close() })
	e, app := benchEngine(b, cached)
	return func(ctx context.Context, n int64) error {
		_, err := e.Provision(ctx, benchCaller, app, engine.ProvisionRequest{Body: benchKey(n)})
		return err
	}
}

func benchEngine(b *testing.B, store engine.Store) (*engine.Engine, engine.ApplicationID) {
	b.Helper()
	e := engine.New(engine.Options{Store: store, Builtins: builtin.Services()})
	app, err := e.CreateApplication(b.Context(), benchCaller, engine.ApplicationSpec{Name: "bench", Service: engine.Internal})
	require.NoError(b, err)
	return e, app.ID
}

func benchKey(n int64) []byte {
	key := make([]byte, benchBody)
	copy(key, strconv.FormatInt(n, 10))
	return key
}

// bareTransactions returns a function that commits what one provisioning
// commits, through etcd's client alone, in process as ours.
func bareTransactions(b *testing.B) func(context.Context, int64) error {
	b.Helper()
	one := oneProvision(b)
	client := bareEtcd(b)
	return func(ctx context.Context, n int64) error {
		id := fmt.Sprintf("/%012d", n)
		var compares []clientv3.Cmp
		for range one.Checks {
			compares = append(compares, clientv3.Compare(clientv3.ModRevision("absent"+id), "=", 0))
		}
		puts := []clientv3.Op{clientv3.OpPut(one.Stamp.Key, string(one.Stamp.Value))}
		for _, w := range one.Writes {
			puts = append(puts, clientv3.OpPut(w.Key[:len(w.Key)-len(id)]+id, string(w.Value)))
		}
		response, err := client.Txn(ctx).If(compares...).Then(puts...).Commit()
		if err == nil && !response.Succeeded {
			err = engine.ErrConflict
		}
		return err
	}
}

// oneProvision records the commit of one provisioning.
func oneProvision(b *testing.B) (one engine.Commit) {
	b.Helper()
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	e, app := benchEngine(b, epoch.New(store, epoch.Options{}))
	store.Inject(enginetest.Hooks{Commit: func(c engine.Commit) enginetest.Fault {
		one = c
		return enginetest.Fault{}
	}})
	_, err := e.Provision(b.Context(), benchCaller, app, engine.ProvisionRequest{Body: benchKey(0)})
	require.NoError(b, err)
	require.NotEmpty(b, one.Writes)
	return one
}

func bareEtcd(b *testing.B) *clientv3.Client {
	b.Helper()
	dir := b.TempDir()
	config := embed.NewConfig()
	config.Dir, config.LogLevel = filepath.Join(dir, "etcd"), "fatal"
	// A socket's name must be short.
	sockets, err := os.MkdirTemp("", "bench") //nolint:usetesting // see above
	require.NoError(b, err)
	b.Cleanup(func() { _ = os.RemoveAll(sockets) })
	client, peer := url.URL{Scheme: "unix", Path: sockets + "/c"}, url.URL{Scheme: "unix", Path: sockets + "/p"}
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	server, err := embed.StartEtcd(config)
	require.NoError(b, err)
	b.Cleanup(server.Close)
	<-server.Server.ReadyNotify()
	return v3client.New(server.Server)
}

var benchNumber atomic.Int64

// rate runs calls from a number of clients and returns calls a second.
func rate(b *testing.B, clients, calls int, do func(context.Context, int64) error) float64 {
	b.Helper()
	var group sync.WaitGroup
	began := time.Now()
	for range clients {
		group.Go(func() {
			for range calls / clients {
				if err := do(b.Context(), benchNumber.Add(1)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	return float64(calls) / time.Since(began).Seconds()
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// BenchmarkStart measures the program from its start to /readyz on a fresh data
// directory, and its memory half a second later.
func BenchmarkStart(b *testing.B) {
	var ready, memory []float64
	for b.Loop() {
		address := freeAddress(b)
		cmd := command("serve", "--listen", address, "--data-dir", filepath.Join(b.TempDir(), fmt.Sprint(len(ready))))
		began := time.Now()
		require.NoError(b, cmd.Start())
		for {
			if r, err := http.Get("http://" + address + "/readyz"); err == nil {
				r.Body.Close()
				if r.StatusCode == http.StatusOK {
					break
				}
			}
			require.Less(b, time.Since(began), time.Minute)
			time.Sleep(2 * time.Millisecond)
		}
		ready = append(ready, float64(time.Since(began).Milliseconds()))
		time.Sleep(500 * time.Millisecond)
		memory = append(memory, resident(b, cmd.Process.Pid))
		require.NoError(b, cmd.Process.Kill())
		_ = cmd.Wait()
	}
	b.ReportMetric(median(ready), "ms-to-ready")
	b.ReportMetric(median(memory), "MB-idle")
	b.ReportMetric(0, "ns/op")
}

// resident returns the resident memory of a process in MB.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(b, err)
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	require.NoError(b, err)
	return kb / 1024
}
