package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A node that cannot load a module says why, in the answer to the deployment
// and in the list of nodes, and refuses when it is deployed all the same.
func TestANodeThatCannotLoadAModuleSaysWhy(t *testing.T) {
	e := newEtcd(t)
	nodes := newNodes(t, e, 2)
	small := newServerIn(t, []string{"CREDENCE_MODULES__MEMORY_PAGES_CEILING=100", "CREDENCE_MODULES__MEMORY_PAGES=100"},
		"--etcd-endpoints", e.addr, "--node-id", "small")
	nodes[0].sees(3)
	const path = "/v1/credentials-services/large"
	spec := object{"module": nodes[0].upload(swapModule(t, "A", `{"memoryPages":200}`))}
	refusal := nodes[0].must(http.StatusConflict, http.MethodPut, path, spec)
	require.Contains(t, refusal["detail"], "small: ")
	require.Contains(t, refusal["detail"], "100")
	require.Equal(t, map[string]string{"n1": "READY", "small": "FAILED"}, reports(refusal))
	nodes[0].must(http.StatusNotFound, http.MethodGet, path, nil)

	forced := nodes[1].must(http.StatusAccepted, http.MethodPut, path+"?force=true", spec)
	require.Equal(t, map[string]string{"n0": "READY", "n1": "READY", "small": "FAILED"}, reports(forced))
	app := nodes[0].app("line", "large")
	decision, _ := nodes[1].verify(app, "anybody")
	require.Equal(t, "ACCEPTED", decision)
	refused := small.must(http.StatusServiceUnavailable, http.MethodPost, app+"/verify", object{"credentialsId": "another"})
	require.Equal(t, "module_fault", refused["code"])
	require.Eventually(t, func() bool {
		services := nodes[0].must(http.StatusOK, http.MethodGet, "/v1/nodes/small", nil)["services"].([]any)
		return len(services) == 1 && services[0].(object)["state"] == "FAILED"
	}, 10*time.Second, 20*time.Millisecond)
	service := nodes[0].must(http.StatusOK, http.MethodGet, "/v1/nodes/small", nil)["services"].([]any)[0].(object)
	require.Contains(t, service["detail"], "100")
}

// A node that is killed while a deployment waits for it is not waited for
// longer than its lease; it comes back with what was deployed meanwhile.
func TestADeploymentOutlivesANodeThatIsKilled(t *testing.T) {
	e := newEtcd(t)
	nodes := newNodes(t, e, 3, "CREDENCE_NODE__LEASE=5s", "CREDENCE_MODULES__DEPLOY_WAIT=30s")
	s := newSwap(t, nodes)
	nodes[2].kill()
	s.nodes = nodes[:2]
	took := s.deploy(nodes[0], http.StatusOK)
	t.Logf("answered %v after a node with a lease of 5s was killed", took.Round(time.Millisecond))
	for i, node := range s.nodes {
		require.NoError(t, s.verify(node, fmt.Sprint("after the kill ", i)))
	}
	nodes[2].start()
	require.NoError(t, s.verify(nodes[2], "a node that is back"))
	nodes[0].sees(3)
	s.nodes = nodes
	s.deploy(nodes[1], http.StatusOK)
	require.Less(t, nodes[2].stop(), 10*time.Second)
	nodes[0].sees(2) // at once: it says goodbye
}

// The node of a deployment is killed while it waits for one that does not move:
// nothing was deployed, the way is free once its lease is gone, and the node
// that stood still comes back by itself, with what was deployed meanwhile.
func TestADeploymentWhoseNodeIsKilledLeavesNothing(t *testing.T) {
	e := newEtcd(t)
	nodes := newNodes(t, e, 3, "CREDENCE_NODE__LEASE=5s", "CREDENCE_MODULES__DEPLOY_WAIT=30s")
	s := newSwap(t, nodes)
	const path = "/v1/credentials-services/" + swapService
	next := object{"module": s.digests[version(2)]}
	require.NoError(t, nodes[2].cmd.Process.Signal(syscall.SIGSTOP))
	var group sync.WaitGroup
	group.Go(func() {
		if a, err := nodes[1].call(t.Context(), http.MethodPut, path, next); err == nil {
			t.Errorf("the killed node has answered: %d %s", a.status, a.body)
		}
	})
	require.Eventually(t, func() bool {
		return nodes[0].must(http.StatusOK, http.MethodGet, "/v1/nodes/n0", nil)["candidates"] != nil
	}, 10*time.Second, 5*time.Millisecond)
	refusal := nodes[0].must(http.StatusConflict, http.MethodPut, path, next)
	require.Contains(t, refusal["detail"], "is being deployed by admin on the node n1")
	nodes[1].kill()
	group.Wait()
	require.EqualValues(t, 1, nodes[0].must(http.StatusOK, http.MethodGet, path, nil)["revision"])
	var a answer
	require.Eventually(t, func() bool {
		var err error
		a, err = nodes[0].call(t.Context(), http.MethodPut, path, next)
		return err == nil && a.status == http.StatusOK
	}, 20*time.Second, 50*time.Millisecond)
	require.Equal(t, map[string]string{"n0": "READY"}, reports(a.json))
	require.EqualValues(t, 2, a.json["revision"])
	s.begun.Store(2)
	s.done.Store(2)
	require.NoError(t, nodes[2].cmd.Process.Signal(syscall.SIGCONT))
	nodes[2].ready() // which it is not before it has announced itself anew
	require.NoError(t, s.verify(nodes[2], "on the node that stood still"))
	nodes[0].sees(2)
}

// Nodes that are managed by files serve what lies in their folder.
func TestTheDropInFolderServesAfterTheStart(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a.wasm"), swapModules(t)["A"], 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "b.wasm"), []byte("no module"), 0o600))
	s := newServerIn(t, []string{"CREDENCE_MODULES__DROP_IN=" + folder})
	const path = "/v1/credentials-services/swap-A"
	served := func() bool {
		a, err := s.call(t.Context(), http.MethodGet, path, nil)
		return err == nil && a.status == http.StatusOK
	}
	require.Eventually(t, served, 20*time.Second, 20*time.Millisecond)
	decision, _ := s.verify(s.app("line", "swap-A"), "anybody")
	require.Equal(t, "ACCEPTED", decision)
	s.kill()
	s.start()
	require.Eventually(t, func() bool {
		nodes := s.must(http.StatusOK, http.MethodGet, "/v1/nodes", nil)["items"].([]any)
		return len(nodes) == 1 && fmt.Sprint(nodes[0].(object)["problems"]) != "<nil>"
	}, 20*time.Second, 20*time.Millisecond, "a file that cannot be deployed is named")
	require.EqualValues(t, 1, s.must(http.StatusOK, http.MethodGet, path, nil)["revision"])
}

// TestAGoModuleServesSoonOnEveryNode prints how long a module of some
// megabytes takes from its deployment to its first answer on each of three
// nodes, none of which has seen it before.
func TestAGoModuleServesSoonOnEveryNode(t *testing.T) {
	if os.Getenv(swapsEnv) == "" {
		t.Skip("a figure for make swap: compiling on all nodes of one machine takes long under the race detector")
	}
	e := newEtcd(t)
	nodes := make([]*server, 3)
	for i := range nodes {
		cache := "CREDENCE_MODULES__CACHEDIR=" + filepath.Join(t.TempDir(), "cache")
		nodes[i] = newServerIn(t, []string{cache, "CREDENCE_MODULES__DEPLOYWAIT=50s"}, "--etcd-endpoints", e.addr, "--node-id", fmt.Sprint("n", i))
	}
	nodes[0].sees(3)
	first, err := os.ReadFile(allowlist)
	require.NoError(t, err)
	second, err := os.ReadFile(graceWindow)
	require.NoError(t, err)
	const path = "/v1/credentials-services/line"
	app := ""
	for i, wasm := range [][]byte{first, second} {
		digest := nodes[0].upload(wasm)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		a, err := nodes[0].call(ctx, http.MethodPut, path, object{"module": digest})
		require.NoError(t, err)
		require.Less(t, a.status, 300, "%s", a.body)
		answered := time.Since(began)
		if app == "" {
			app = nodes[0].app("line", "line")
		}
		serving := time.Now()
		for _, node := range nodes {
			v := node.must(http.StatusOK, http.MethodPost, app+"/verify", object{"credentialsId": "SN-1"})
			require.Equal(t, "REJECTED", v["decision"])
		}
		t.Logf("module %d of %d KiB: deployment answered after %v with %v, first answers of all three nodes within %v more",
			i+1, len(wasm)>>10, answered.Round(time.Millisecond), reports(a.json), time.Since(serving).Round(time.Millisecond))
	}
}
