package simulation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/enginetest/invariant"
	"github.com/credence-engine/credence/engine/etcdstore/epoch"
)

// apps are the applications of every run: the same ids mean something else in
// each of them.
var apps = []struct {
	tenant  engine.TenantID
	service engine.ServiceName
}{
	{engine.DefaultTenant, engine.Internal},
	{engine.DefaultTenant, slowName},
	{"neighbour", engine.Internal},
	{"neighbour", swappedName},
}

// world is one run.
type world struct {
	chance chance
	plan   plan
	state  *enginetest.MemoryStore
	apps   []engine.ApplicationID
	nodes  []*node
	began  time.Time
	record *invariant.Recorder
	keys   []engine.VaultKey
	names  *strings.Replacer // of applications' ids, to those that are the same in each run
	work   sync.WaitGroup
	quiet  atomic.Bool // nothing goes wrong any more

	mu     sync.Mutex // guards what follows
	open   []*session
	lines  []string // what happened, for people
	faults []string // what was found to be wrong
}

// run lives through a seed.
func run(t *testing.T, seed uint64) *world {
	t.Helper()
	c := chance(0).number(seed)
	w := &world{chance: c, plan: newPlan(c.about("plan"))}
	key, err := engine.NewVaultKey(make([]byte, 32))
	require.NoError(t, err)
	w.keys = []engine.VaultKey{key}
	synctest.Test(t, func(t *testing.T) {
		w.state = enginetest.NewMemoryStore()
		w.began = time.Now()
		w.record = invariant.NewRecorder(w.elapsed)
		w.prepare(t)
		for i := range nodeCount {
			n := &node{number: i, world: w}
			w.nodes = append(w.nodes, n)
			n.start()
		}
		time.Sleep(100 * time.Millisecond)
		w.live()
		w.recover()
		for _, n := range w.nodes {
			n.stop(false)
		}
		w.work.Wait()
	})
	return w
}

// prepare makes what is there before the run.
func (w *world) prepare(t *testing.T) {
	services := builtin.Services()
	services[slowName] = slow{}
	e := engine.New(engine.Options{Store: epoch.New(w.state, epoch.Options{}), Builtins: services, Runtime: modules{}})
	defer e.Close()
	swaps := slices.ContainsFunc(w.plan.requests, func(r request) bool { return apps[r.app].service == swappedName })
	if swaps {
		op := invariant.Op{Kind: invariant.Deploy, Service: swappedName, Digest: moduleOf(0)}
		asked := w.record.Invoke(op)
		require.NoError(t, swap(t.Context(), e, 0))
		w.record.Return(asked, func(op *invariant.Op) { op.Outcome = invariant.Done })
	}
	var names []string
	for i, a := range apps {
		spec := engine.ApplicationSpec{Name: fmt.Sprint("app", i), Service: a.service}
		if a.service == swappedName && !swaps {
			spec.Service = engine.Internal
		}
		app, err := e.CreateApplication(t.Context(), caller(a.tenant), spec)
		require.NoError(t, err)
		w.apps = append(w.apps, app.ID)
		names = append(names, string(app.ID), fmt.Sprint(i))
	}
	w.names = strings.NewReplacer(names...)
	for i, g := range w.plan.given {
		if slices.Index(w.plan.given, g) < i {
			continue
		}
		op := invariant.Op{Kind: invariant.Provision, App: w.apps[g.app], Credentials: idOf(g.id)}
		asked := w.record.Invoke(op)
		out, err := e.Provision(t.Context(), caller(apps[g.app].tenant), op.App, engine.ProvisionRequest{ID: op.Credentials, Body: []byte("key")})
		require.NoError(t, err)
		w.record.Return(asked, func(op *invariant.Op) {
			op.Outcome, op.Created, op.Revision = invariant.Done, true, out.Credentials.Version
		})
	}
}

// live does what the plan says.
func (w *world) live() {
	var work sync.WaitGroup
	type step struct {
		at time.Duration
		do func()
	}
	steps := make([]step, 0, len(w.plan.requests)+len(w.plan.faults))
	for _, r := range w.plan.requests {
		steps = append(steps, step{r.at, func() { w.ask(r) }})
	}
	for _, f := range w.plan.faults {
		steps = append(steps, step{f.at, func() { w.harm(f) }})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return int(a.at - b.at) })
	for _, s := range steps {
		time.Sleep(100*time.Millisecond + s.at - w.elapsed())
		work.Go(s.do)
	}
	work.Wait()
}

// recover ends all faults, and asks every node about everything once the
// cluster has had its time to come back.
func (w *world) recover() {
	w.quiet.Store(true)
	for _, n := range w.nodes {
		w.mend(n)
	}
	time.Sleep(leaseTime + time.Second) // to be back among the others
	w.tellf("all faults are over")
	number := 10_000
	var work sync.WaitGroup
	asked := map[target]bool{}
	for _, r := range w.plan.requests {
		for _, id := range r.ids() {
			about := target{app: r.app, id: id}
			if asked[about] {
				continue
			}
			asked[about] = true
			for node := range w.nodes {
				number++
				r := request{number: number, verb: verify, app: about.app, id: about.id, node: node, patience: 5 * time.Second}
				time.Sleep(w.chance.about("last").number(uint64(number)).between(0, time.Millisecond))
				work.Go(func() { w.ask(r) })
			}
		}
	}
	work.Wait()
}

func (w *world) elapsed() time.Duration { return time.Since(w.began) }

// compact makes the state forget all but the present.
func (w *world) compact() {
	snap, err := w.state.Read(context.Background(), engine.Strict, "any")
	if err == nil {
		err = w.state.Compact(context.Background(), snap.Revision)
	}
	if err != nil {
		w.wrongf("compaction: %v", err)
	}
}

// tellf notes what happens, for people.
func (w *world) tellf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprintf("%9.3f ms  ", float64(w.elapsed())/1e6)+w.names.Replace(fmt.Sprintf(format, args...)))
}

// wrongf notes what must not happen.
func (w *world) wrongf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, w.names.Replace(fmt.Sprintf(format, args...)))
}

func caller(t engine.TenantID) engine.Caller { return engine.Caller{Tenant: t, User: "simulation"} }

// ids are those that a request is about. The last one of an import is in its
// second transaction.
func (r request) ids() []int {
	if r.verb == bulk {
		return []int{r.id, 100 + r.id, 200 + r.id}
	}
	return []int{r.id}
}

func idOf(n int) engine.CredentialsID { return engine.CredentialsID(fmt.Sprint("id-", n)) }

func endpointOf(n int) engine.EndpointID { return engine.EndpointID(fmt.Sprint("endpoint-", n)) }
