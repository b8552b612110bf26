package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// roll is the load on nodes of which some are down: each request that one of
// them does not answer is asked of another, as a client behind a balancer does.
type roll struct {
	t     *testing.T
	nodes []*server
	app   string

	mu       sync.Mutex
	live     map[string]bool // id → whether it was provisioned and nobody has begun to revoke it
	requests int
	retried  int
	slowest  time.Duration
}

// underLoad provisions, verifies and revokes through all nodes while do runs,
// and then looks for each acknowledged write, on each node (I5, I1).
func underLoad(t *testing.T, nodes []*server, do func()) {
	t.Helper()
	r := &roll{t: t, nodes: nodes, app: nodes[0].app("plant", "Internal"), live: map[string]bool{}}
	loading, stop := context.WithCancel(t.Context())
	defer stop()
	var group sync.WaitGroup
	for worker := range 6 {
		group.Go(func() {
			for n := 0; loading.Err() == nil && !t.Failed(); n++ {
				r.life(fmt.Sprintf("d-%d-%d", worker, n), worker+n)
			}
		})
	}
	do()
	stop()
	group.Wait()
	if t.Failed() {
		return
	}
	ids := slices.Sorted(maps.Keys(r.live))
	require.NotEmpty(t, ids)
	for i, id := range ids {
		want := "IN_USE"
		if !r.live[id] {
			want = "REVOKED"
		}
		found := nodes[i%len(nodes)].must(http.StatusOK, http.MethodGet, r.app+"/credentials/"+id, nil)
		require.Equal(t, want, found["status"], "an acknowledged write is lost: %s", id)
	}
	t.Logf("%d credentials, %d requests, %d of them asked of another node, slowest answer after %v; lost 0, stale 0",
		len(ids), r.requests, r.retried, r.slowest.Round(time.Millisecond))
	for _, node := range nodes {
		require.NotContains(t, node.output(), "DATA RACE")
		require.NotContains(t, node.output(), "panic:")
	}
}

// life is that of one credential: provisioned, verified on two nodes, and for
// two of three revoked, after which no node accepts it.
func (r *roll) life(id string, first int) {
	if r.ask(first, http.MethodPost, "/credentials", object{"id": id, "body": "AAAA"}) == nil {
		return
	}
	r.note(id, true)
	for i := range 2 {
		if v := r.verify(first+1+i, id); v != nil && v["decision"] != "ACCEPTED" {
			r.t.Errorf("%s is not known where it was not provisioned: %v", id, v)
		}
	}
	if first%3 == 0 {
		return
	}
	r.note(id, false)
	if r.ask(first+2, http.MethodPost, "/credentials/"+id+"/revoke", nil) == nil {
		return
	}
	for i := range r.nodes {
		if v := r.verify(first+i, id); v != nil && v["decision"] == "ACCEPTED" {
			r.t.Errorf("a stale accept of %s after its revocation was answered: %v", id, v)
		}
	}
}

func (r *roll) note(id string, live bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live[id] = live
}

func (r *roll) verify(first int, id string) object {
	return r.ask(first, http.MethodPost, "/verify", object{"credentialsId": id, "endpointId": "e-" + id})
}

// ask asks the nodes in turn until one answers; nil after a failure, which it
// reports. Each request can be repeated without harm.
func (r *roll) ask(first int, method, path string, body any) object {
	began := time.Now()
	var refusals []string
	for try := 0; time.Since(began) < 30*time.Second; try++ {
		node := r.nodes[(first+try)%len(r.nodes)]
		a, err := node.call(r.t.Context(), method, r.app+path, body)
		if err == nil && a.status < 300 {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.requests++
			r.retried += min(try, 1)
			r.slowest = max(r.slowest, time.Since(began))
			return a.json
		}
		if err == nil && a.status != http.StatusServiceUnavailable && a.status != http.StatusGatewayTimeout {
			r.t.Errorf("%s %s: %d %s", method, path, a.status, a.body)
			return nil
		}
		refusals = append(refusals, fmt.Sprintf("%s: %d %s %v", node.url, a.status, a.body, err))
		time.Sleep(time.Duration(min(try, 10)) * 5 * time.Millisecond) // a node that starts is not asked all the time
	}
	r.t.Errorf("%s %s: no node answers:\n%v", method, path, refusals)
	return nil
}

// restartEach stops one node after the other, gracefully, and starts it again.
func restartEach(nodes []*server) {
	for _, node := range nodes {
		node.stop()
		node.start()
	}
}

// Any number of nodes on one external etcd: restarting one after the other
// loses nothing.
func TestARollingRestartOnAnExternalEtcdLosesNothing(t *testing.T) {
	nodes := newNodes(t, newEtcd(t), 3)
	underLoad(t, nodes, func() { restartEach(nodes) })
	nodes[0].sees(3)
}
