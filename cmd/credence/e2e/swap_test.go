package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/etcdstore"
)

// swapsEnv is how many swaps TestSwapsUnderLoad makes; make swap asks for 100.
const swapsEnv = "SWAPS"

// swapModules are two modules that tell which of them an operation ran on.
func swapModules(t *testing.T) map[string][]byte {
	t.Helper()
	return map[string][]byte{"A": swapModule(t, "A", ""), "B": swapModule(t, "B", "")}
}

// swapModule assembles one of them; limits, when not empty, are those that its
// manifest asks for.
func swapModule(t *testing.T, version, limits string) []byte {
	t.Helper()
	assembler, err := filepath.Abs(filepath.Join(root, "engine/wasmhost/testdata/node_modules/.bin/wat2wasm"))
	require.NoError(t, err)
	if _, err := os.Stat(assembler); err != nil && os.Getenv("REQUIRE_TOOLCHAINS") != "1" {
		t.Skipf("SKIPPED: %s is missing: make test installs it (set REQUIRE_TOOLCHAINS=1 to fail instead)", assembler)
	}
	source, err := os.ReadFile("testdata/swap.wat")
	require.NoError(t, err)
	text := strings.ReplaceAll(string(source), "VERSION", version)
	if limits != "" {
		const before = `\"capabilities\":`
		require.Contains(t, text, before)
		text = strings.Replace(text, before, `\"limits\":`+strings.ReplaceAll(limits, `"`, `\"`)+","+before, 1)
	}
	file, wasm := filepath.Join(t.TempDir(), "swap.wat"), filepath.Join(t.TempDir(), "swap.wasm")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	out, err := exec.Command(assembler, "--enable-annotations", file, "-o", wasm).CombinedOutput()
	require.NoError(t, err, "%s", out)
	module, err := os.ReadFile(wasm)
	require.NoError(t, err)
	return module
}

// newNodes starts n servers on one etcd, named n0, n1 and so on, and waits
// until all of them are listed.
func newNodes(t *testing.T, e *etcd, n int, env ...string) []*server {
	t.Helper()
	nodes := make([]*server, n)
	for i := range nodes {
		nodes[i] = newServerIn(t, env, "--etcd-endpoints", e.addr, "--node-id", fmt.Sprint("n", i))
	}
	nodes[0].sees(n)
	return nodes
}

// sees waits until n nodes are listed.
func (s *server) sees(n int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		return len(s.must(http.StatusOK, http.MethodGet, "/v1/nodes", nil)["items"].([]any)) == n
	}, 20*time.Second, 20*time.Millisecond, "the nodes do not announce themselves:\n%s", s.output())
}

// upload uploads a module and returns its digest.
func (s *server) upload(wasm []byte) string {
	s.t.Helper()
	a, err := s.call(s.t.Context(), http.MethodPost, "/v1/modules", wasm)
	require.NoError(s.t, err)
	require.Contains(s.t, []int{http.StatusOK, http.StatusCreated}, a.status, "%s", a.body)
	return a.json["digest"].(string)
}

// reports are the states of the nodes in the answer to a deployment.
func reports(a object) map[string]string {
	states := map[string]string{}
	nodes, _ := a["nodes"].([]any)
	for _, n := range nodes {
		states[n.(object)["id"].(string)], _ = n.(object)["state"].(string)
	}
	return states
}

// swap is a service that is replaced again and again while its application is
// verified on all nodes.
type swap struct {
	t       *testing.T
	nodes   []*server
	digests map[string]string
	app     string
	begun   atomic.Int64 // deployments that were asked for
	done    atomic.Int64 // deployments that were answered

	mu     sync.Mutex
	seen   map[string]string // id → the version that decided
	claims []time.Duration
}

const swapService = "swapped"

// version is what the n-th deployment deploys, from 1.
func version(n int64) string { return []string{"B", "A"}[n%2] }

func newSwap(t *testing.T, nodes []*server) *swap {
	s := &swap{t: t, nodes: nodes, digests: map[string]string{}, seen: map[string]string{}}
	for v, wasm := range swapModules(t) {
		s.digests[v] = nodes[0].upload(wasm)
	}
	s.deploy(nodes[0], http.StatusCreated)
	s.app = nodes[0].app("line", swapService)
	return s
}

// deploy makes the next swap through a node, and returns how long the answer took.
func (s *swap) deploy(through *server, status int) time.Duration {
	s.t.Helper()
	n := s.begun.Add(1)
	began := time.Now()
	const path = "/v1/credentials-services/" + swapService
	method, target, body := http.MethodPut, path, any(object{"module": s.digests[version(n)]})
	if n > 1 && n%5 == 0 { // the revision before is the other version
		method, target, body = http.MethodPost, path+"/rollback", nil
	}
	a := through.must(status, method, target, body)
	took := time.Since(began)
	s.done.Store(n)
	require.Equal(s.t, s.digests[version(n)], a["module"])
	require.Len(s.t, reports(a), len(s.nodes))
	for node, state := range reports(a) {
		require.Equal(s.t, "READY", state, node)
	}
	return took
}

// verify has a node decide about an id of its own, and checks that the version
// that decided is one that may have served between the question and the answer.
func (s *swap) verify(node *server, id string) error {
	first, began := s.done.Load(), time.Now()
	a, err := node.call(s.t.Context(), http.MethodPost, s.app+"/verify", object{"credentialsId": id})
	last := s.begun.Load()
	if err != nil {
		return err
	}
	if a.status != http.StatusOK || a.json["decision"] != "ACCEPTED" {
		return fmt.Errorf("%d %s", a.status, a.body)
	}
	body, err := base64.StdEncoding.DecodeString(fmt.Sprint(a.json["credentials"].(object)["body"]))
	if err != nil {
		return err
	}
	by := string(body)
	if first == last && by != version(first) {
		return fmt.Errorf("%s decided after %s had been deployed", by, version(first))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[id] = by
	s.claims = append(s.claims, time.Since(began))
	return nil
}

// TestSwapsUnderLoad replaces a module on three nodes while all of them verify.
// No request is lost, no operation mixes two modules (H4), and once a
// deployment has been answered every node serves the new one (I6).
func TestSwapsUnderLoad(t *testing.T) {
	swaps, _ := strconv.Atoi(os.Getenv(swapsEnv))
	swaps = max(swaps, 20)
	e := newEtcd(t)
	nodes := newNodes(t, e, 3)
	s := newSwap(t, nodes)
	const clients = 3 // of each node
	loading, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	began := time.Now()
	for i, node := range nodes {
		for client := range clients {
			group.Go(func() {
				for n := 0; loading.Err() == nil; n++ {
					if err := s.verify(node, fmt.Sprintf("load-%d-%d-%d", i, client, n)); err != nil {
						t.Errorf("lost or wrong during a swap: %v", err)
						return
					}
				}
			})
		}
	}
	var took []time.Duration
	for n := range swaps {
		took = append(took, s.deploy(nodes[n%len(nodes)], http.StatusOK))
		for i, node := range nodes {
			require.NoError(t, s.verify(node, fmt.Sprintf("at-once-%d-%d", n, i)), "node %d, at once after deployment %d", i, n)
		}
	}
	stop()
	group.Wait()
	elapsed := time.Since(began)
	s.requireUnmixed(e)
	for _, node := range nodes {
		require.NotContains(t, node.output(), "DATA RACE")
		require.NotContains(t, node.output(), "panic")
	}
	slices.Sort(took)
	slices.Sort(s.claims)
	t.Logf("%d swaps on %d nodes in %v under load: answered within %v (median) and %v (slowest); %d claims, none lost, median %v, slowest %v",
		swaps, len(nodes), elapsed.Round(time.Millisecond), at(took, 0.5), at(took, 1), len(s.claims), at(s.claims, 0.5), at(s.claims, 1))
}

func at(sorted []time.Duration, share float64) time.Duration {
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)].Round(100 * time.Microsecond)
}

// requireUnmixed looks at what the modules wrote: both methods of an operation
// are one version's, that of its answer.
func (s *swap) requireUnmixed(e *etcd) {
	s.t.Helper()
	store, err := etcdstore.Open(s.t.Context(), etcdstore.Options{Endpoints: []string{e.addr}})
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, store.Close()) }()
	prefix := "kv/" + filepath.Base(s.app) + "/" + swapService + "/"
	versions := map[string]int{}
	for id, by := range s.seen {
		snap, err := store.Read(s.t.Context(), engine.Strict, prefix+"l"+id, prefix+"m"+id)
		require.NoError(s.t, err)
		require.Equal(s.t, []string{by, by}, []string{string(snap.Records[0].Value), string(snap.Records[1].Value)}, id)
		versions[by]++
	}
	require.Len(s.t, versions, 2)
}
