//go:build linux

package robustness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/credence-engine/credence/engine/enginetest/invariant"
)

// faults are what goes wrong, on purpose.
type faults struct {
	t        *testing.T
	members  *members
	nodes    []*node
	load     *load
	recorder *invariant.Recorder
	disks    bool // can be slowed down

	mu    sync.Mutex
	count map[string]int
}

// fault is one kind: it goes wrong, lasts, and is repaired when it returns.
type fault struct {
	name string
	do   func(ctx context.Context, random *rand.Rand)
}

// ofProcesses are the faults of one lane, ofNetwork those of the other: one of
// each may be there at once.
func (f *faults) ofProcesses() []fault {
	disk := fault{"slow disk of a member", f.slowDisk}
	if !f.disks {
		disk = fault{"member stopped in pulses (in the place of a slow disk)", f.pulses}
	}
	return []fault{
		{"node killed", f.killNode},
		{"node killed in the middle of a revocation", f.killNodeInRevoke},
		{"node killed in the middle of an import", f.killNodeInImport},
		{"node stopped for less than its lease", func(ctx context.Context, r *rand.Rand) { f.stopNode(ctx, r, between(r, 200, 2000)) }},
		{"node stopped for longer than its lease", func(ctx context.Context, r *rand.Rand) { f.stopNode(ctx, r, lease+between(r, 2000, 4000)) }},
		{"member killed", func(ctx context.Context, r *rand.Rand) { f.killMembers(ctx, f.members.all[r.IntN(memberCount)]) }},
		{"leader killed", func(ctx context.Context, _ *rand.Rand) {
			f.killMembers(ctx, f.members.all[max(0, f.members.leader(ctx))])
		}},
		{"all members killed", func(ctx context.Context, _ *rand.Rand) { f.killMembers(ctx, f.members.all...) }},
		{"member stopped", f.stopMember},
		disk,
		{"no space", f.fill},
		{"clock of a node jumps", f.jumpClock},
	}
}

func (f *faults) ofNetwork() []fault {
	return []fault{
		{"node cut off from a member", f.cutNodeFromMember},
		{"node cut off from all members", func(ctx context.Context, r *rand.Rand) { f.cutNode(ctx, r, true, true) }},
		{"node cut off one way", func(ctx context.Context, r *rand.Rand) { forth := r.IntN(2) == 0; f.cutNode(ctx, r, forth, !forth) }},
		{"lease starved", f.starveLease},
		{"member cut off from the others", func(ctx context.Context, r *rand.Rand) { f.cutMember(ctx, r, true, true) }},
		{"member cut off one way", func(ctx context.Context, r *rand.Rand) { forth := r.IntN(2) == 0; f.cutMember(ctx, r, forth, !forth) }},
		{"members cut off from each other one way", f.cutPair},
		{"slow network", f.slowNetwork},
		{"connections reset", f.reset},
		{"leader moved", f.moveLeader},
		{"compaction and defragmentation", f.compact},
	}
}

// run makes things go wrong in two lanes until ctx is done. Each kind comes once
// before any comes again; the seed says in which order, where, and for how
// long.
func (f *faults) run(ctx context.Context, seed uint64) {
	var lanes sync.WaitGroup
	for lane, kinds := range [][]fault{f.ofProcesses(), f.ofNetwork()} {
		lanes.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(lane)))
			for {
				for _, n := range random.Perm(len(kinds)) {
					if ctx.Err() != nil {
						return
					}
					f.inject(ctx, kinds[n], random)
				}
			}
		})
	}
	lanes.Wait()
}

// inject lets a fault come and go, and waits until all is well again.
func (f *faults) inject(ctx context.Context, kind fault, random *rand.Rand) {
	f.mu.Lock()
	f.count[kind.name]++
	f.mu.Unlock()
	f.t.Logf("%8v %s", f.load.since(), kind.name)
	kind.do(ctx, random)
	wait(ctx, between(random, 200, 1000))
}

func between(random *rand.Rand, low, high int) time.Duration {
	return time.Duration(low+random.IntN(high-low)) * time.Millisecond
}

// recovery is how long the nodes have to serve again when all is well.
const recovery = time.Minute

func (f *faults) oneNode(random *rand.Rand) *node { return f.nodes[random.IntN(nodeCount)] }

// restart brings a node back. It may lack a majority of members for now.
func (f *faults) restart(n *node) {
	ctx, cancel := context.WithTimeout(context.Background(), recovery)
	defer cancel()
	if err := n.start(ctx, f.t); err != nil {
		f.t.Errorf("%s does not start within %v: see %s", n.name, recovery, n.log())
	}
}

func (f *faults) killNode(ctx context.Context, random *rand.Rand) {
	n := f.oneNode(random)
	n.kill()
	wait(ctx, between(random, 0, 4000))
	f.restart(n)
}

// killNodeIn kills a node while it does something.
func (f *faults) killNodeIn(random *rand.Rand, do func(w worker, n *node, cred *credential)) {
	n := f.oneNode(random)
	w := worker{load: f.load, random: random, client: client{id: clients, recorder: f.recorder}}
	var doing sync.WaitGroup
	for _, cred := range f.load.pool.add(f.load.apps) {
		w.provision(context.Background(), f.nodes[0], cred)
		doing.Go(func() { do(w, n, cred) })
	}
	wait(context.Background(), between(random, 0, 12))
	n.kill()
	doing.Wait()
	f.restart(n)
}

func (f *faults) killNodeInRevoke(_ context.Context, random *rand.Rand) {
	enforced := random.IntN(2) == 0
	f.killNodeIn(random, func(w worker, n *node, cred *credential) { w.revoke(context.Background(), n, cred, enforced) })
}

func (f *faults) killNodeInImport(_ context.Context, random *rand.Rand) {
	f.killNodeIn(random, func(w worker, n *node, cred *credential) {
		w.imports(context.Background(), n, w.pool.batch(cred.app, importSize))
	})
}

func (f *faults) stopNode(ctx context.Context, random *rand.Rand, d time.Duration) {
	n := f.oneNode(random)
	n.signal(syscall.SIGSTOP)
	pause := f.recorder.Invoke(invariant.Op{Kind: invariant.Pause, Node: n.name})
	wait(ctx, d)
	f.recorder.Return(pause, func(o *invariant.Op) { o.Outcome = invariant.Done })
	n.signal(syscall.SIGCONT)
}

func (f *faults) killMembers(ctx context.Context, victims ...*member) {
	for _, m := range victims {
		m.kill()
	}
	wait(ctx, time.Second)
	for _, m := range victims {
		m.start(f.t)
	}
}

func (f *faults) stopMember(ctx context.Context, random *rand.Rand) {
	m := f.members.all[random.IntN(memberCount)]
	m.signal(syscall.SIGSTOP)
	wait(ctx, between(random, 500, 6000))
	m.signal(syscall.SIGCONT)
}

func (f *faults) slowDisk(ctx context.Context, random *rand.Rand) {
	m := f.members.all[random.IntN(memberCount)]
	m.slow(between(random, 20, 300))
	wait(ctx, between(random, 1000, 5000))
	m.slow(0)
}

func (f *faults) pulses(ctx context.Context, random *rand.Rand) {
	m := f.members.all[random.IntN(memberCount)]
	for range 20 {
		m.signal(syscall.SIGSTOP)
		wait(ctx, between(random, 20, 200))
		m.signal(syscall.SIGCONT)
		wait(ctx, 50*time.Millisecond)
	}
}

func (f *faults) cutNodeFromMember(ctx context.Context, random *rand.Rand) {
	l := f.oneNode(random).links[random.IntN(memberCount)]
	l.set(random.IntN(3) > 0, random.IntN(3) > 0, 0)
	wait(ctx, between(random, 500, 5000))
	l.heal()
}

func (f *faults) cutNode(ctx context.Context, random *rand.Rand, forth, back bool) {
	n := f.oneNode(random)
	for _, l := range n.links {
		l.set(forth, back, 0)
	}
	wait(ctx, between(random, 500, 6000))
	for _, l := range n.links {
		l.heal()
	}
}

// starveLease lets everything of a node arrive, but later than its lease ends.
func (f *faults) starveLease(ctx context.Context, random *rand.Rand) {
	n := f.oneNode(random)
	for _, l := range n.links {
		l.set(false, false, lease+time.Second)
	}
	wait(ctx, 2*lease)
	for _, l := range n.links {
		l.heal()
	}
}

func (f *faults) cutMember(ctx context.Context, random *rand.Rand, out, in bool) {
	m := random.IntN(memberCount)
	if leader := f.members.leader(ctx); random.IntN(2) == 0 && leader >= 0 {
		m = leader
	}
	for other := range memberCount {
		f.members.links[m][other].set(out, in, 0) // what m has dialled
		f.members.links[other][m].set(in, out, 0)
	}
	wait(ctx, between(random, 500, 5000))
	for other := range memberCount {
		f.members.links[m][other].heal()
		f.members.links[other][m].heal()
	}
}

func (f *faults) cutPair(ctx context.Context, random *rand.Rand) {
	from := random.IntN(memberCount)
	to := (from + 1 + random.IntN(memberCount-1)) % memberCount
	f.members.links[from][to].set(true, false, 0)
	f.members.links[to][from].set(false, true, 0)
	wait(ctx, between(random, 500, 5000))
	f.members.links[from][to].heal()
	f.members.links[to][from].heal()
}

func (f *faults) slowNetwork(ctx context.Context, random *rand.Rand) {
	all := f.links()
	for _, l := range all {
		l.set(false, false, between(random, 1, 60))
	}
	wait(ctx, between(random, 1000, 4000))
	for _, l := range all {
		l.heal()
	}
}

func (f *faults) reset(ctx context.Context, random *rand.Rand) {
	for range 3 {
		for _, l := range f.links() {
			l.reset()
		}
		wait(ctx, between(random, 50, 500))
	}
}

func (f *faults) links() []*link {
	var all []*link
	for _, n := range f.nodes {
		all = append(all, n.links[:]...)
	}
	for _, from := range f.members.links {
		all = append(all, from[:]...)
	}
	return all
}

func (f *faults) moveLeader(ctx context.Context, random *rand.Rand) {
	for range 3 {
		asking, cancel := context.WithTimeout(ctx, time.Second)
		leader := f.members.leader(asking)
		if leader >= 0 {
			next := f.members.all[(leader+1)%memberCount]
			if status, err := next.status(asking); err == nil {
				_, _ = f.members.all[leader].client.MoveLeader(asking, status.Header.MemberId)
			}
		}
		cancel()
		wait(ctx, between(random, 100, 500))
	}
}

// compact forgets all states but the last, and gives the room back.
func (f *faults) compact(ctx context.Context, _ *rand.Rand) {
	for _, m := range f.members.all {
		asking, cancel := context.WithTimeout(ctx, 5*time.Second)
		if status, err := m.status(asking); err == nil {
			_, _ = m.client.Compact(asking, status.Header.Revision)
		}
		_, _ = m.client.Defragment(asking, m.client.Endpoints()[0])
		cancel()
	}
}

// fillPrefix is where no node looks.
const fillPrefix = "/fill/"

// fill writes until etcd takes no more, and makes room again some time later.
func (f *faults) fill(ctx context.Context, random *rand.Rand) {
	value := string(make([]byte, 1<<20))
	for n := range 2 * quota >> 20 {
		if ctx.Err() != nil || f.put(ctx, n, value) != nil {
			break
		}
	}
	wait(ctx, between(random, 500, 2000))
	f.makeRoom()
}

func (f *faults) put(ctx context.Context, n int, value string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := f.members.all[0].client.Put(ctx, fmt.Sprint(fillPrefix, n), value)
	return err
}

// makeRoom does what an operator does when etcd is full.
func (f *faults) makeRoom() {
	ctx, cancel := context.WithTimeout(context.Background(), recovery)
	defer cancel()
	for ctx.Err() == nil {
		if err := f.tryMakingRoom(ctx); err == nil {
			return
		}
		wait(ctx, 200*time.Millisecond)
	}
	f.t.Errorf("no room could be made within %v", recovery)
}

func (f *faults) tryMakingRoom(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	first := f.members.all[0].client
	deleted, err := first.Delete(ctx, fillPrefix, clientv3.WithPrefix())
	if err != nil {
		return err
	}
	_, _ = first.Compact(ctx, deleted.Header.Revision, clientv3.WithCompactPhysical()) // or it is compacted already
	for _, m := range f.members.all {
		if _, err := m.client.Defragment(ctx, m.client.Endpoints()[0]); err != nil {
			return err
		}
	}
	_, err = first.AlarmDisarm(ctx, &clientv3.AlarmMember{})
	return err
}
