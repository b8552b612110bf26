//go:build linux

package robustness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest/invariant"
)

const (
	durationEnv = "ROBUSTNESS"      // how long things go wrong; without it the test is skipped
	seedEnv     = "ROBUSTNESS_SEED" // of the faults and the load; without it a random one
	tagsEnv     = "ROBUSTNESS_TAGS" // build tags of the nodes; with those of a mutant the test must fail
)

// grace is how long an answer may be under way from a node to a client of a
// busy machine, which may stand still for a moment itself.
const grace = 2 * time.Second

// TestTheClusterKeepsItsPromises runs the load for the time that the
// environment names: a quarter of it in peace, of which it prints how fast the
// nodes are, and the rest with faults. Then it judges what the clients have
// seen, by I1 to I5, I7, I8 and as registers.
func TestTheClusterKeepsItsPromises(t *testing.T) {
	text := os.Getenv(durationEnv)
	if text == "" {
		t.Skipf("it takes minutes: set %s=10m, or run make robustness", durationEnv)
	}
	duration, err := time.ParseDuration(text)
	require.NoError(t, err)
	seed := rand.Uint64()
	if text := os.Getenv(seedEnv); text != "" {
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("%s=%d", seedEnv, seed)
	r := newRun(t)
	r.quiet(duration / 4)
	r.faulty(duration-duration/4, seed)
	r.judge()
}

// run is one run of the proof.
type run struct {
	t       *testing.T
	dir     string
	members *members
	nodes   []*node
	load    *load
	faults  *faults
	figures figures
}

func newRun(t *testing.T) *run {
	t.Helper()
	dir, err := os.MkdirTemp("", "credence-") //nolint:usetesting // the paths of sockets must be short, and what failed is kept
	require.NoError(t, err)
	r := &run{t: t, dir: dir}
	t.Cleanup(r.keep)
	binary := filepath.Join(dir, "credence")
	build := exec.Command("go", "build", "-overlay", overlay(t, dir), "-tags", os.Getenv(tagsEnv), "-o", binary, "./cmd/credence")
	build.Dir = "../../.."
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	r.members = startMembers(t, dir)
	for i := range nodeCount {
		r.nodes = append(r.nodes, newNode(t, dir, fmt.Sprint("n", i), binary, r.members))
	}
	starting, cancel := context.WithTimeout(t.Context(), recovery)
	defer cancel()
	for _, n := range r.nodes {
		require.NoError(t, n.start(starting, t), "see %s", n.log())
	}
	began := time.Now()
	r.load = &load{nodes: r.nodes, began: began, recorder: invariant.NewRecorder(func() time.Duration { return time.Since(began) })}
	for try := 0; len(r.load.apps) < 2; try++ {
		body := object{"name": fmt.Sprint("line-", try), "credentialsService": engine.Internal}
		made, err := r.nodes[0].call(starting, http.MethodPost, "/v1/applications", body)
		require.NoError(t, starting.Err(), "no application can be made: %v %s", err, made.text)
		if made.status == http.StatusCreated {
			r.load.apps = append(r.load.apps, engine.ApplicationID(made.body.ID))
		}
	}
	r.faults = &faults{
		t: t, members: r.members, nodes: r.nodes, load: r.load, recorder: r.load.recorder, disks: canSlowDisks(), count: map[string]int{},
	}
	return r
}

// keep removes the files of a run that went well.
func (r *run) keep() {
	if r.t.Failed() {
		r.t.Logf("the history, the logs and the data are kept in %s", r.dir)
		return
	}
	os.RemoveAll(r.dir)
}

// quiet runs the load in peace, and then measures how fast the nodes are.
func (r *run) quiet(d time.Duration) {
	ctx, cancel := context.WithTimeout(r.t.Context(), d/2)
	defer cancel()
	r.load.run(ctx, 0)
	r.figures.quiet = len(r.load.recorder.History())
	each := d / 16
	r.revokeInTurn(r.t.Context(), 2*each)
	r.figures.reads = compareReads(r.t.Context(), r.t, r.members, each)
	r.figures.pressure = pressures()
	for _, p := range r.figures.pressure {
		r.press(r.t.Context(), p, each)
	}
}

// faulty runs the load while things go wrong, and then waits until all is well.
func (r *run) faulty(d time.Duration, seed uint64) {
	ctx, cancel := context.WithTimeout(r.t.Context(), d)
	defer cancel()
	var all sync.WaitGroup
	all.Go(func() { r.load.run(ctx, seed) })
	all.Go(func() { r.faults.run(ctx, seed) })
	all.Wait()
	r.recovered()
	if lost := r.load.lookAtAll(context.Background()); len(lost) > 0 {
		r.t.Errorf("no node can say what has become of %d credentials, such as %s", len(lost), lost[0].id)
	}
}

// recovered waits until every node decides again.
func (r *run) recovered() {
	c := client{id: clients + 1, recorder: r.load.recorder}
	canary := r.load.pool.add(r.load.apps[:1])[0]
	for _, n := range r.nodes {
		require.Eventually(r.t, func() bool {
			return c.verify(context.Background(), n, canary, canary.owner, engine.Strict).Outcome == invariant.Done
		}, recovery, 100*time.Millisecond, "%s does not decide again: see %s", n.name, n.log())
	}
}

// judge judges the history, keeps it if it is bad, and prints the figures.
func (r *run) judge() {
	history := r.load.recorder.History()
	rules := invariant.Rules{Grace: grace, Audit: r.audit(), Search: 5 * time.Second}
	began := time.Now()
	report := invariant.Check(history, rules)
	r.figures.print(r.t, history, report, r.faults.count)
	r.t.Logf("judged in %v", time.Since(began).Round(time.Millisecond))
	for _, op := range history {
		if strings.HasPrefix(op.Detail, "unexpected") {
			r.t.Errorf("an answer that no fault explains: %s", op.String())
		}
	}
	for i, v := range report.Violations {
		if i < 10 {
			r.t.Errorf("%s", v)
		}
	}
	if r.t.Failed() {
		file, err := os.Create(filepath.Join(r.dir, "history.jsonl"))
		require.NoError(r.t, err)
		defer file.Close()
		require.NoError(r.t, invariant.WriteHistory(file, history))
	}
}

// audit reads the audit log from etcd.
func (r *run) audit() []invariant.Entry {
	const prefix = "/credence/v1/audit/"
	ctx, cancel := context.WithTimeout(r.t.Context(), recovery)
	defer cancel()
	entries := []invariant.Entry{}
	for from := prefix; ; {
		page, err := r.members.all[0].client.Get(ctx, from, clientv3.WithRange(clientv3.GetPrefixRangeEnd(prefix)), clientv3.WithLimit(1000))
		require.NoError(r.t, err)
		for _, kv := range page.Kvs {
			var entry engine.AuditEntry
			require.NoError(r.t, cbor.Unmarshal(kv.Value, &entry))
			found := invariant.Entry{Action: entry.Action, App: entry.Application, Target: entry.Target, Revision: engine.Revision(kv.ModRevision)}
			for _, target := range entry.Targets { // of an import, which provisions many
				found.Action, found.Target = "credentials.provision", target
				entries = append(entries, found)
			}
			if entry.Target != "" {
				entries = append(entries, found)
			}
		}
		if !page.More {
			return entries
		}
		from = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
}
