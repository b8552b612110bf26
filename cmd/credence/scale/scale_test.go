package scale

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/etcdstore"
	"github.com/credence-engine/credence/engine/etcdstore/epoch"
)

// wanted is how many credentials to import: SCALE, or few enough for
// a test among others.
func wanted() int {
	if n, err := strconv.Atoi(os.Getenv("SCALE")); err == nil && n > 0 {
		return n
	}
	return 3000
}

const (
	callers = 64     // verifying at a time
	sample  = 20_000 // verifications of each kind
	part    = 2000   // credentials in one call of Import
	pages   = 20     // of each place of the listing
)

var admin = engine.Caller{Tenant: engine.DefaultTenant, User: "admin", RequestID: "scale"}

// node is one node's engine on the embedded etcd of a directory.
type node struct {
	*engine.Engine
	t     *testing.T
	dir   string
	etcd  *etcdstore.Store
	store *epoch.Store
}

func open(t *testing.T, dir string) *node {
	t.Helper()
	etcd, err := etcdstore.Open(t.Context(), etcdstore.Options{DataDir: dir, Embedded: etcdstore.Embedded{QuotaBytes: etcdstore.MaxQuotaBytes}})
	require.NoError(t, err)
	store := epoch.New(etcd, epoch.Options{Bytes: epoch.DefaultBytes})
	return &node{t: t, dir: dir, etcd: etcd, store: store, Engine: engine.New(engine.Options{Store: store, Builtins: builtin.Services()})}
}

func (n *node) close() {
	n.Close()
	require.NoError(n.t, n.store.Close())
	require.NoError(n.t, n.etcd.Close())
}

// body is what the device of a number registers: of the size of a public key
// on the curve P-256.
func body(number int) []byte {
	b := make([]byte, 91)
	binary.BigEndian.PutUint64(b, uint64(number))
	sum := sha256.Sum256(b[:8])
	copy(b[8:], sum[:])
	return b
}

func idOf(number int) engine.CredentialsID { return engine.IDSchemeSHA256.ID(body(number)) }

func TestManyCredentials(t *testing.T) {
	count := wanted()
	n := open(t, t.TempDir())
	app, err := n.CreateApplication(t.Context(), admin, engine.ApplicationSpec{Name: "fleet", Service: engine.Internal})
	require.NoError(t, err)

	before := heap()
	n.importFleet(app.ID, count/10)
	small := n.listingTimes(app.ID)
	took := n.importFleet(app.ID, count)
	t.Logf("import: %d credentials in %s, %.0f a second", count, took.Round(time.Millisecond), float64(count-count/10)/took.Seconds())
	t.Logf("memory of etcd's index and the node: %.0f bytes for each", float64(heap()-before)/float64(count))
	t.Logf("on disk: %.0f bytes for each", float64(diskUse(t, n.dir))/float64(count))
	large := n.listingTimes(app.ID)
	t.Logf("a page of 100, median of %d: %s with a tenth of them, %s with all (at the beginning, in the middle and at the end of what was read)", pages, small, large)

	chosen := rand.New(rand.NewPCG(1, 2)).Perm(count)[:min(sample, count/2)]
	t.Logf("first verify, a claim each: %s", n.verifyAll(app.ID, chosen))
	t.Logf("verify of those at random, again: %s", n.verifyAll(app.ID, chosen))
	t.Logf("verify of unknown devices: %s", n.refuseAll(app.ID, count))
	n.close()
	startTheProgram(t, n.dir, app.ID, chosen[0])
}

// importFleet imports the devices up to a number, and returns how long those
// that were new took.
func (n *node) importFleet(app engine.ApplicationID, upTo int) time.Duration {
	n.t.Helper()
	first := 0
	if upTo == wanted() {
		first = upTo / 10
	}
	began := time.Now()
	group, ctx := errgroup.WithContext(n.t.Context())
	group.SetLimit(4)
	for from := first; from < upTo; from += part {
		group.Go(func() error {
			requests := make([]engine.ProvisionRequest, 0, part)
			for number := from; number < min(from+part, upTo); number++ {
				requests = append(requests, engine.ProvisionRequest{Body: body(number), Labels: map[string]string{"site": "plant-7"}})
			}
			results, err := n.Import(ctx, admin, app, requests)
			for _, r := range results {
				if r.Err != nil {
					return r.Err
				}
			}
			return err
		})
	}
	require.NoError(n.t, group.Wait())
	return time.Since(began)
}

// verifyAll lets the devices connect, in parallel, and says how that went.
func (n *node) verifyAll(app engine.ApplicationID, devices []int) string {
	return n.timed(devices, func(ctx context.Context, device int) error {
		v, err := n.Verify(ctx, admin, app, engine.VerifyRequest{CredentialsID: idOf(device)})
		if err == nil && !v.Accepted {
			err = fmt.Errorf("device %d: %s", device, v.Reason)
		}
		return err
	})
}

// refuseAll lets devices connect that nobody registered.
func (n *node) refuseAll(app engine.ApplicationID, from int) string {
	unknown := make([]int, min(sample, from/2))
	for i := range unknown {
		unknown[i] = from + i
	}
	return n.timed(unknown, func(ctx context.Context, device int) error {
		v, err := n.Verify(ctx, admin, app, engine.VerifyRequest{CredentialsID: idOf(device)})
		if err == nil && v.Reason != engine.ReasonNotFound {
			err = fmt.Errorf("device %d: %+v", device, v)
		}
		return err
	})
}

func (n *node) timed(devices []int, do func(context.Context, int) error) string {
	n.t.Helper()
	work := make(chan int)
	var mu sync.Mutex
	var times []time.Duration
	group, ctx := errgroup.WithContext(n.t.Context())
	began := time.Now()
	for range callers {
		group.Go(func() error {
			for device := range work {
				asked := time.Now()
				if err := do(ctx, device); err != nil {
					return err
				}
				mu.Lock()
				times = append(times, time.Since(asked))
				mu.Unlock()
			}
			return nil
		})
	}
	group.Go(func() error {
		defer close(work)
		for _, device := range devices {
			select {
			case work <- device:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	require.NoError(n.t, group.Wait())
	took := time.Since(began)
	slices.Sort(times)
	return fmt.Sprintf("%.0f a second by %d callers, p50 %s, p99 %s", float64(len(devices))/took.Seconds(), callers,
		times[len(times)/2].Round(time.Microsecond), times[len(times)*99/100].Round(time.Microsecond))
}

// listingTimes measures pages at the beginning, in the middle and at the end.
func (n *node) listingTimes(app engine.ApplicationID) string {
	n.t.Helper()
	var all []time.Duration
	token := ""
	for {
		began := time.Now()
		page, err := n.CredentialsOf(n.t.Context(), admin, app, engine.ListOptions{PageSize: 100, PageToken: token})
		require.NoError(n.t, err)
		all = append(all, time.Since(began))
		if token = page.NextPageToken; token == "" {
			break
		}
		if len(all) >= 2000 { // the rest of a million takes long, and is alike
			break
		}
	}
	median := func(some []time.Duration) time.Duration {
		some = slices.Clone(some)
		slices.Sort(some)
		return some[len(some)/2].Round(time.Microsecond)
	}
	middle := len(all) / 2
	return fmt.Sprintf("%s, %s, %s", median(all[:min(pages, len(all))]), median(all[middle:min(middle+pages, len(all))]), median(all[max(0, len(all)-pages):]))
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func diskUse(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "etcd", "member", "snap", "db"))
	require.NoError(t, err)
	return info.Size()
}

// startTheProgram starts the real server on the state and measures how long it
// takes until it is ready, and what it holds in memory.
func startTheProgram(t *testing.T, dir string, app engine.ApplicationID, device int) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "credence")
	out, err := exec.Command("go", "build", "-o", binary, "github.com/credence-engine/credence/cmd/credence").CombinedOutput()
	require.NoError(t, err, "%s", out)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	const password = "measure-the-scale"
	serve := exec.Command(binary, "serve", "--listen", address, "--data-dir", dir)
	serve.Env = append(os.Environ(), "CREDENCE_BOOTSTRAP_PASSWORD="+password, fmt.Sprintf("CREDENCE_ETCD__EMBEDDED__QUOTA_BYTES=%d", int64(etcdstore.MaxQuotaBytes)))
	var log bytes.Buffer // read once the process has ended
	serve.Stdout, serve.Stderr = &log, &log
	began := time.Now()
	require.NoError(t, serve.Start())
	defer func() {
		_ = serve.Process.Signal(os.Interrupt)
		require.NoError(t, serve.Wait(), "%s", &log)
	}()
	require.Eventually(t, func() bool {
		answer, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}, time.Minute, 5*time.Millisecond)
	t.Logf("start to ready: %s", time.Since(began).Round(time.Millisecond))
	request, err := http.NewRequest(http.MethodPost, "http://"+address+"/v1/applications/"+string(app)+"/verify", strings.NewReader(fmt.Sprintf(`{"credentialsId":%q}`, idOf(device))))
	require.NoError(t, err)
	request.SetBasicAuth("admin", password)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Contains(t, string(text), "ACCEPTED")
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", serve.Process.Pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "RssAnon") {
			t.Log("after one verify: ", strings.Join(strings.Fields(line), " "))
		}
	}
}
