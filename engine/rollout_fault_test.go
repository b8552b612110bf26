package engine_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// H5: a node checks the digest of what it fetches, so it refuses to run what
// was damaged on the way.
func TestANodeThatFetchesOtherBytesRefusesThem(t *testing.T) {
	f := newFleet(t, 2, soon)
	good := f.everywhere("good")
	f.upload(0, "good")
	f.nodes[1].faults.Inject(enginetest.Hooks{Read: func(keys []string) enginetest.Fault {
		if strings.HasPrefix(keys[0], "chunk/") { // before n1 reads it
			_, err := f.nodes[0].store.Commit(context.Background(), engine.Commit{Writes: []engine.Write{{Key: keys[0], Value: []byte("other bytes")}}})
			require.NoError(t, err)
		}
		return enginetest.Fault{}
	}})
	f.script(0, "good").onStart = func(int32) {} // n0 has read before
	_, err := f.nodes[0].DeployService(t.Context(), admin, "SVC", engine.ServiceSpec{Module: good}, engine.DeployOptions{})
	require.Error(t, err)
	require.ErrorContains(t, err, "do not match its digest")
	require.Zero(t, f.script(1, "good").started.Load())
}

// H5: a node that loses sight of deployments finds the one under way.
func TestALostWatchOfDeploymentsIsTakenUpAgain(t *testing.T) {
	f := newFleet(t, 2, soon)
	good := f.everywhere("good")
	f.deploy(0, "OTHER", f.everywhere("other")) // n1 watches
	var lost atomic.Int32
	f.nodes[1].faults.Inject(enginetest.Hooks{Watch: func(prefix string, _ engine.Changes) enginetest.Fault {
		if prefix == "deploy/" && lost.Add(1) == 1 {
			return enginetest.Fault{Before: engine.ErrCompacted}
		}
		return enginetest.Fault{}
	}})
	s := f.deploy(0, "SVC", good)
	require.Equal(t, engine.ServiceReady, s.Nodes[1].State)
	require.Positive(t, lost.Load())
	require.EqualValues(t, 1, f.script(1, "good").started.Load())
}

// What a node hears of a deployment after it runs the result is not kept.
func TestADeploymentHeardOfTooLateLeavesNothing(t *testing.T) {
	f := newFleet(t, 2, 500*time.Millisecond)
	good := f.everywhere("good")
	f.deploy(0, "OTHER", f.everywhere("other")) // n1 watches
	var over atomic.Bool
	f.nodes[1].faults.Inject(enginetest.Hooks{Watch: func(prefix string, changes engine.Changes) enginetest.Fault {
		switch {
		case prefix != "deploy/":
		case changes.Events[0].Deleted:
			over.Store(true)
		default:
			return enginetest.Fault{Delay: 2 * time.Second}
		}
		return enginetest.Fault{}
	}})
	s := f.deploy(0, "SVC", good)
	require.Equal(t, engine.NodeReport{ID: "n1", State: engine.ServiceUnknown, Detail: "the node said nothing within 500ms"}, s.Nodes[1])
	require.Eventually(t, over.Load, soon, tick)
	require.Eventually(t, func() bool {
		module, n := f.script(1, "good"), f.live()[1]
		return len(n.Candidates) == 0 && len(n.Services) == 2 && module.started.Load()-module.closed.Load() == 1
	}, soon, tick)
	require.True(t, f.nodes[1].verify(f.nodes[0].app("SVC"), "id", "ep").Accepted)
}

// A node that lost its lease in the middle of its deployment does not activate
// it over what another has deployed meanwhile.
func TestADeploymentThatWasOvertakenIsNotActivated(t *testing.T) {
	f := newFleet(t, 2, 500*time.Millisecond)
	mine, yours := f.everywhere("mine"), f.everywhere("yours")
	f.upload(1, "yours")
	f.script(1, "mine").onStart = func(int32) {
		f.nodes[0].session.Expire()
		s, err := f.nodes[1].DeployService(context.Background(), admin, "SVC", engine.ServiceSpec{Module: yours}, engine.DeployOptions{})
		if err != nil || s.Number != 1 {
			t.Errorf("the overtaking deployment: %v %v", s, err)
		}
	}
	_, err := f.tryDeploy(0, "SVC", mine, engine.DeployOptions{})
	requireCode(t, engine.CodeConflict, err)
	s, err := f.nodes[0].Service(t.Context(), "SVC")
	require.NoError(t, err)
	require.Equal(t, yours, s.Module)
	require.Equal(t, 1, s.Number)
	for i := range f.nodes {
		require.Eventually(t, func() bool {
			lost := f.script(i, "mine")
			return lost.started.Load() == lost.closed.Load()
		}, soon, tick)
	}
}

// A proposal that nobody has withdrawn stands in the way only until its deadline.
func TestAnOldProposalIsOvertaken(t *testing.T) {
	state := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	w := newWorldOn(t, state)
	d := w.upload(&script{text: "module", lookup: always(engine.Available)})
	var proposed bool
	state.Inject(enginetest.Hooks{Commit: func(c engine.Commit) enginetest.Fault {
		if c.Writes[0].Key == "deploy/SVC" {
			first := !proposed
			proposed = true
			if first {
				return enginetest.Fault{}
			}
		}
		return enginetest.Fault{Before: engine.Errorf(engine.CodeUnavailable, "away")}
	}})
	deploy := func() error {
		_, err := w.DeployService(t.Context(), admin, "SVC", engine.ServiceSpec{Module: d}, engine.DeployOptions{})
		return err
	}
	requireCode(t, engine.CodeUnavailable, deploy())
	state.Inject(enginetest.Hooks{})
	requireCode(t, engine.CodeConflict, deploy())
	w.advance(engine.DefaultDeployWait + 61*time.Second)
	require.NoError(t, deploy())
}
