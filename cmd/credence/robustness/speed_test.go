//go:build linux

package robustness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest/invariant"
	"github.com/credence-engine/credence/engine/etcdstore"
	"github.com/credence-engine/credence/engine/etcdstore/epoch"
)

const (
	// speedCredentials is how many are verified at random.
	speedCredentials = 1000
	// speedCallers is how many verify at once.
	speedCallers = 64
)

// rate is how many verifications a second one way of reading gives.
type rate struct {
	name string
	rate float64
}

// compareReads lets engines of this process verify for some time each, on the
// members of the run, and takes the rates of the ways to read side by side.
func compareReads(ctx context.Context, t *testing.T, c *members, each time.Duration) []rate {
	t.Helper()
	var endpoints []string
	for _, m := range c.all {
		endpoints = append(endpoints, m.client.Endpoints()...)
	}
	etcd, err := etcdstore.Open(ctx, etcdstore.Options{Endpoints: endpoints, Prefix: "/speed/"})
	require.NoError(t, err)
	defer func() { require.NoError(t, etcd.Close()) }()
	cached, direct := epoch.New(etcd, epoch.Options{Bytes: 64 << 20}), epoch.New(etcd, epoch.Options{})
	defer func() { require.NoError(t, cached.Close()) }()
	defer func() { require.NoError(t, direct.Close()) }()
	behind, before := newSpeed(t, cached), newSpeed(t, direct)
	defer behind.Close()
	defer before.Close()
	who := engine.Caller{Tenant: engine.DefaultTenant, User: "admin"}
	app, err := behind.CreateApplication(ctx, who, engine.ApplicationSpec{Name: "speed", Service: engine.Internal})
	require.NoError(t, err)
	requests := make([]engine.ProvisionRequest, speedCredentials)
	for i := range requests {
		id := fmt.Sprintf("c%06d", i)
		requests[i] = engine.ProvisionRequest{ID: engine.CredentialsID(id), Body: []byte(id)}
	}
	_, err = behind.Import(ctx, who, app.ID, requests)
	require.NoError(t, err)
	verify := func(ctx context.Context, e *engine.Engine, n int, at engine.Consistency) error {
		v, err := e.Verify(ctx, who, app.ID, engine.VerifyRequest{CredentialsID: requests[n].ID, Consistency: at})
		if err == nil && !v.Accepted {
			err = fmt.Errorf("%s was rejected: %s", requests[n].ID, v.Reason)
		}
		return err
	}
	var claims errgroup.Group
	claims.SetLimit(speedCallers)
	for n := range requests { // which fills the cache too
		claims.Go(func() error { return verify(ctx, behind, n, engine.Strict) })
	}
	require.NoError(t, claims.Wait())
	var rates []rate
	for _, way := range []struct {
		name   string
		engine *engine.Engine
		at     engine.Consistency
	}{
		{"a linearizable read of etcd for each", before, engine.Strict},
		{"strict, behind the epoch barrier", behind, engine.Strict},
		{"bounded=1000", behind, engine.Bounded(time.Second)},
	} {
		did, err := together(ctx, speedCallers, each, func(ctx context.Context, random *rand.Rand) error {
			return verify(ctx, way.engine, random.IntN(speedCredentials), way.at)
		})
		require.NoError(t, err)
		rates = append(rates, rate{way.name, float64(did) / each.Seconds()})
	}
	return rates
}

func newSpeed(t *testing.T, store engine.Store) *engine.Engine {
	t.Helper()
	return engine.New(engine.Options{Store: store, Builtins: builtin.Services()})
}

// together lets callers do the same for some time, and returns how often it was
// done.
func together(ctx context.Context, callers int, d time.Duration, do func(context.Context, *rand.Rand) error) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var did atomic.Int64
	var failure atomic.Pointer[error]
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(caller)))
			for ctx.Err() == nil {
				err := do(ctx, random)
				switch {
				case err == nil:
					did.Add(1)
				case ctx.Err() == nil:
					failure.CompareAndSwap(nil, &err)
					cancel()
				}
			}
		})
	}
	all.Wait()
	if err := failure.Load(); err != nil {
		return 0, *err
	}
	return did.Load(), nil
}

// revocations are the times of what comes one after the other, with no other
// load beside it.
type revocations struct {
	commits  []time.Duration // of a revocation
	receipts []time.Duration // of one that waits for its receipt
	puts     []time.Duration // of etcd itself, at its leader
}

// revokeInTurn revokes with and without a receipt, and puts, in turn.
func (r *run) revokeInTurn(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	leader := r.members.all[max(0, r.members.leader(ctx))]
	value := strings.Repeat("x", 350)
	c := client{id: clients + 1, recorder: r.load.recorder}
	out := &r.figures.alone
	for n := 0; ctx.Err() == nil; n++ {
		node := r.nodes[n%nodeCount]
		for i, cred := range r.load.pool.batch(r.load.apps[0], 2) {
			c.provision(context.Background(), node, cred)
			op := c.revoke(context.Background(), node, cred, i == 1)
			switch took := op.Returned - op.Invoked; {
			case op.Outcome != invariant.Done:
			case i == 0:
				out.commits = append(out.commits, took)
			case op.Enforced:
				out.receipts = append(out.receipts, took)
			}
		}
		began := time.Now()
		if _, err := leader.client.Put(ctx, fmt.Sprint("/put/", n%100), value); err == nil {
			out.puts = append(out.puts, time.Since(began))
		}
	}
}

// pressure is how nodes fared under a number of callers, each of which asks
// again some time after it has its answer.
type pressure struct {
	name     string
	callers  int
	rhythm   time.Duration // on average; 0: at once
	rate     float64       // accepted a second, on all nodes
	accepted []time.Duration
	refused  int
}

// pressures are the load of the run, five times as much, and more than this
// machine can answer.
func pressures() []*pressure {
	return []*pressure{
		{name: "at the load of the run", callers: clients, rhythm: rhythm},
		{name: "at five times that", callers: 5 * clients, rhythm: rhythm},
		{name: "without a pause", callers: 48},
		{name: "without a pause, five times as many", callers: 5 * 48},
	}
}

// press lets the callers verify strictly for some time.
func (r *run) press(ctx context.Context, p *pressure, d time.Duration) {
	r.t.Helper()
	cred := r.load.pool.add(r.load.apps[:1])[0]
	c := client{id: clients + 1, recorder: r.load.recorder}
	c.provision(ctx, r.nodes[0], cred)
	c.verify(ctx, r.nodes[0], cred, cred.owner, engine.Strict) // claims them
	var mu sync.Mutex
	body := object{"credentialsId": cred.id, "endpointId": cred.owner}
	_, err := together(ctx, p.callers, d, func(ctx context.Context, random *rand.Rand) error {
		wait(ctx, time.Duration(random.ExpFloat64()*float64(p.rhythm)))
		began := time.Now()
		a, err := r.nodes[random.IntN(nodeCount)].call(ctx, http.MethodPost, appPath(cred.app)+"/verify", body)
		took := time.Since(began)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case a.body.Decision == "ACCEPTED":
			p.accepted = append(p.accepted, took)
		case ctx.Err() != nil: // it was given up
		case err != nil || a.status >= http.StatusInternalServerError:
			p.refused++
		default:
			return fmt.Errorf("verify under load: %d %s", a.status, a.text)
		}
		return nil
	})
	require.NoError(r.t, err)
	p.rate = float64(len(p.accepted)) / d.Seconds()
}
