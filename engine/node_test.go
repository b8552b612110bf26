package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// fleet is several nodes on one state, each with a store and a runtime of its
// own.
type fleet struct {
	t     *testing.T
	state *enginetest.MemoryStore
	nodes []*member
}

type member struct {
	*world
	session *enginetest.Session
	faults  *enginetest.FaultStore // what the node's engine works on
	id      engine.NodeID
}

// newFleet starts n nodes, whose deployments wait so long for each other.
func newFleet(t *testing.T, n int, wait time.Duration) *fleet {
	t.Helper()
	state := enginetest.NewMemoryStore()
	f := &fleet{t: t, state: state}
	for i := range n {
		session := state.Session()
		id := engine.NodeID(fmt.Sprint("n", i))
		faults := enginetest.NewFaultStore(session)
		w := newWorldOn(t, faults, func(o *engine.Options) {
			o.Node, o.DeployWait = engine.Node{ID: id, Address: "host:80", Release: "1.2.3"}, wait
		})
		w.runs()
		f.nodes = append(f.nodes, &member{world: w, session: session, faults: faults, id: id})
	}
	require.Eventually(t, func() bool { return len(f.live()) == n }, soon, tick)
	return f
}

// live is what the first node sees of all.
func (f *fleet) live() []engine.Node {
	f.t.Helper()
	list, err := f.nodes[0].Nodes(f.t.Context(), engine.ListOptions{})
	require.NoError(f.t, err)
	return list.Items
}

func (f *fleet) ids() []engine.NodeID {
	var ids []engine.NodeID
	for _, n := range f.live() {
		ids = append(ids, n.ID)
	}
	return ids
}

func TestNodesAreListedWhileTheyLive(t *testing.T) {
	f := newFleet(t, 3, time.Second)
	require.Eventually(t, func() bool { return f.live()[0].Acknowledged > 0 }, soon, tick)
	first := f.live()[0]
	require.Equal(t, engine.NodeID("n0"), first.ID)
	require.Equal(t, "host:80", first.Address)
	require.Equal(t, "1.2.3", first.Release)
	require.Equal(t, f.nodes[0].now, first.Started)
	got, err := f.nodes[1].Node(t.Context(), "n0")
	require.NoError(t, err)
	require.Equal(t, first, got)

	require.NoError(t, f.nodes[2].session.Close(), "the node is gone")
	require.Equal(t, []engine.NodeID{"n0", "n1"}, f.ids())
	for _, id := range []engine.NodeID{"n2", "nobody", "", "a/b"} {
		_, err := f.nodes[0].Node(t.Context(), id)
		requireCode(t, engine.CodeNotFound, err)
	}
}

func TestANodeThatWasOutOfTouchComesBackByItself(t *testing.T) {
	f := newFleet(t, 2, time.Second)
	before := f.live()[1].Version
	f.nodes[1].session.Expire()
	require.Eventually(t, func() bool { live := f.live(); return len(live) == 2 && live[1].Version > before }, soon, tick)
}

func TestANodeSaysWhichServicesItRuns(t *testing.T) {
	f := newFleet(t, 2, time.Second)
	f.add(0, "good", nil)
	good := f.add(1, "good", nil)
	f.deploy(0, "SVC", good)
	require.Eventually(t, func() bool {
		n := f.live()[1]
		return len(n.Services) == 1 && n.Services[0].State == engine.ServiceReady && len(n.Candidates) == 0
	}, soon, tick)
	service := f.live()[1].Services[0]
	require.Equal(t, engine.ServiceName("SVC"), service.Name)
	require.Equal(t, 1, service.Number)
	require.Equal(t, good, service.Module)
	require.NoError(t, f.nodes[0].DeleteService(t.Context(), admin, "SVC", 0))
	require.Eventually(t, func() bool { return len(f.live()[0].Services)+len(f.live()[1].Services) == 0 }, soon, tick)
}
