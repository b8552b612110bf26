package engine_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

// add makes a module known to the runtime of one node, and returns its digest.
// It looks everything up as available.
func (f *fleet) add(node int, text string, change func(*script)) engine.Digest {
	f.t.Helper()
	s := &script{text: text, lookup: always(engine.Available)}
	if change != nil {
		change(s)
	}
	return engine.DigestOf(f.nodes[node].runtime.add(s))
}

func (f *fleet) script(node int, text string) *script {
	s, err := f.nodes[node].runtime.find([]byte(text))
	require.NoError(f.t, err)
	return s
}

// upload uploads a module, through a node that knows it.
func (f *fleet) upload(node int, text string) {
	f.t.Helper()
	_, err := f.nodes[node].UploadModule(f.t.Context(), admin, []byte(text))
	require.NoError(f.t, err)
}

// deploy deploys through a node, and requires success.
func (f *fleet) deploy(node int, name engine.ServiceName, d engine.Digest) engine.Service {
	f.t.Helper()
	s, err := f.tryDeploy(node, name, d, engine.DeployOptions{})
	require.NoError(f.t, err)
	return s
}

func (f *fleet) tryDeploy(node int, name engine.ServiceName, d engine.Digest, o engine.DeployOptions) (engine.Service, error) {
	f.t.Helper()
	for text, s := range f.nodes[node].runtime.scripts {
		if engine.DigestOf([]byte(text)) == d && s != nil {
			f.upload(node, text)
		}
	}
	return f.nodes[node].DeployService(f.t.Context(), admin, name, engine.ServiceSpec{Module: d}, o)
}

// everywhere adds the same module to all nodes.
func (f *fleet) everywhere(text string) (d engine.Digest) {
	f.t.Helper()
	for i := range f.nodes {
		d = f.add(i, text, nil)
	}
	return d
}

// I6: when a deployment returns, every node has the module ready and runs it
// from that revision on, without starting it again.
func TestADeploymentReturnsWhenEveryNodeIsReady(t *testing.T) {
	f := newFleet(t, 3, soon)
	first, second := f.everywhere("first"), f.everywhere("second")
	app := engine.ApplicationID("")
	for round, d := range []engine.Digest{first, second, first} {
		text := []string{"first", "second", "first"}[round]
		s := f.deploy(round, "SVC", d)
		require.Equal(t, []engine.NodeReport{
			{ID: "n0", State: engine.ServiceReady}, {ID: "n1", State: engine.ServiceReady}, {ID: "n2", State: engine.ServiceReady},
		}, s.Nodes)
		for i := range f.nodes {
			require.EqualValues(t, 1+round/2, f.script(i, text).started.Load(), "node %d", i)
		}
		if app == "" {
			app = f.nodes[0].app("SVC")
		}
		for i, n := range f.nodes {
			require.True(t, n.verify(app, "id", "ep").Accepted)
			require.EqualValues(t, 1+round/2, f.script(i, text).started.Load(), "node %d started again", i)
		}
	}
	back, err := f.nodes[2].RollbackService(t.Context(), admin, "SVC", 0, engine.DeployOptions{})
	require.NoError(t, err)
	require.Len(t, back.Nodes, 3)
	require.Equal(t, second, back.Module)
	for i := range f.nodes {
		require.EqualValues(t, 2, f.script(i, "second").started.Load())
		require.Eventually(t, func() bool { return f.script(i, "first").closed.Load() == 2 }, soon, tick, "node %d keeps the old one", i)
		require.EqualValues(t, 1, f.script(i, "second").closed.Load())
	}
}

func TestWhatSomeNodeCannotRunIsNotDeployed(t *testing.T) {
	f := newFleet(t, 3, soon)
	good := f.everywhere("good")
	f.deploy(0, "SVC", good)
	app := f.nodes[0].app("SVC")
	bad := f.everywhere("bad")
	f.script(2, "bad").startError = engine.Errorf(engine.CodeInvalid, "needs more memory than this node has")

	_, err := f.tryDeploy(0, "SVC", bad, engine.DeployOptions{})
	requireCode(t, engine.CodeConflict, err)
	require.ErrorContains(t, err, "n2: needs more memory than this node has")
	var refusal *engine.Error
	require.ErrorAs(t, err, &refusal)
	require.Contains(t, refusal.Nodes, engine.NodeReport{ID: "n2", State: engine.ServiceFailed, Detail: "needs more memory than this node has"})
	require.Contains(t, refusal.Nodes, engine.NodeReport{ID: "n1", State: engine.ServiceReady})
	s, err := f.nodes[1].Service(t.Context(), "SVC")
	require.NoError(t, err)
	require.Equal(t, good, s.Module)
	for i, n := range f.nodes {
		require.True(t, n.verify(app, "id", "ep").Accepted)
		if i < 2 {
			require.Eventually(t, func() bool { return f.script(i, "bad").closed.Load() == 1 }, soon, tick, "node %d keeps what was not deployed", i)
		}
	}

	// Forced, it serves where it can, and the others refuse.
	s, err = f.tryDeploy(0, "SVC", bad, engine.DeployOptions{Force: true})
	require.NoError(t, err)
	require.Contains(t, s.Nodes, engine.NodeReport{ID: "n2", State: engine.ServiceFailed, Detail: "needs more memory than this node has"})
	require.True(t, f.nodes[1].verify(app, "id", "ep").Accepted)
	_, err = f.nodes[2].Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: "id", EndpointID: "ep"})
	requireCode(t, engine.CodeModuleFault, err)
	require.Eventually(t, func() bool {
		n := f.live()[2]
		return len(n.Services) == 1 && n.Services[0].State == engine.ServiceFailed && n.Services[0].Number == 2
	}, soon, tick)
	require.Contains(t, f.live()[2].Services[0].Detail, "needs more memory")
}

// A slow node holds a deployment up for a time, not for ever; it finishes
// starting before it serves.
func TestASlowNodeIsNamedAndServesOnceItIsReady(t *testing.T) {
	f := newFleet(t, 2, 300*time.Millisecond)
	slow := f.everywhere("slow")
	release := make(chan struct{})
	f.script(1, "slow").onStart = func(int32) { <-release }
	s := f.deploy(0, "SVC", slow)
	require.Equal(t, engine.NodeReport{ID: "n1", State: engine.ServiceStarting, Detail: "the node was still starting the service after 300ms"}, s.Nodes[1])
	app := f.nodes[0].app("SVC")
	require.True(t, f.nodes[0].verify(app, "id", "ep").Accepted)
	hurried, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := f.nodes[1].Verify(hurried, admin, app, engine.VerifyRequest{CredentialsID: "id", EndpointID: "ep"})
	requireCode(t, engine.CodeUnavailable, err)
	close(release)
	require.True(t, f.nodes[1].verify(app, "id", "ep").Accepted)
	require.EqualValues(t, 1, f.script(1, "slow").started.Load())
}

func TestADeploymentDoesNotWaitForADeadNode(t *testing.T) {
	f := newFleet(t, 3, 30*time.Second)
	good := f.everywhere("good")
	var dying sync.Once
	f.script(2, "good").onStart = func(int32) {
		dying.Do(func() { require.NoError(t, f.nodes[2].session.Close()) })
	}
	s := f.deploy(0, "SVC", good)
	require.Len(t, s.Nodes, 2)
}

// H5: of two operators who deploy the same service one wins, and the other is
// told.
func TestOfTwoDeploymentsAtATimeOneWins(t *testing.T) {
	f := newFleet(t, 2, soon)
	mine, yours := f.everywhere("mine"), f.everywhere("yours")
	entered, leave := make(chan struct{}), make(chan struct{})
	f.script(1, "mine").onStart = func(int32) { close(entered); <-leave }
	var group sync.WaitGroup
	group.Go(func() {
		s, err := f.tryDeploy(0, "SVC", mine, engine.DeployOptions{})
		if err != nil || s.Number != 1 {
			t.Errorf("the first deployment: %v %v", s, err)
		}
	})
	<-entered
	_, err := f.tryDeploy(1, "SVC", yours, engine.DeployOptions{})
	requireCode(t, engine.CodeConflict, err)
	require.ErrorContains(t, err, "is being deployed by admin on the node n0")
	close(leave)
	group.Wait()
	require.Zero(t, f.script(1, "yours").started.Load())
	require.Equal(t, 2, f.deploy(1, "SVC", yours).Number)
}

func TestDeploymentsAtOnceNeverBothReplaceTheSameRevision(t *testing.T) {
	f := newFleet(t, 2, soon)
	digests := []engine.Digest{f.everywhere("a"), f.everywhere("b")}
	f.upload(0, "a")
	f.upload(1, "b")
	done := 0
	for round := range 20 {
		var won atomic.Int32
		var group sync.WaitGroup
		for i, n := range f.nodes {
			group.Go(func() {
				_, err := n.DeployService(t.Context(), admin, "SVC", engine.ServiceSpec{Module: digests[i]}, engine.DeployOptions{})
				switch {
				case err == nil:
					won.Add(1)
				case engine.CodeOf(err) != engine.CodeConflict:
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		group.Wait()
		require.Positive(t, won.Load(), "round %d: nobody won", round)
		done += int(won.Load())
		s, err := f.nodes[0].Service(t.Context(), "SVC")
		require.NoError(t, err)
		require.Equal(t, done, s.Number)
	}
}

// A node that dies in the middle of its deployment leaves nothing behind.
func TestADeploymentWhoseNodeDiesLeavesNothing(t *testing.T) {
	f := newFleet(t, 2, 300*time.Millisecond)
	good := f.everywhere("good")
	f.script(1, "good").onStart = func(times int32) {
		if times == 1 {
			require.NoError(t, f.nodes[0].session.Close())
		}
	}
	_, err := f.tryDeploy(0, "SVC", good, engine.DeployOptions{})
	requireCode(t, engine.CodeUnavailable, err)
	require.Eventually(t, func() bool { return f.script(1, "good").closed.Load() == 1 }, soon, tick)
	_, err = f.nodes[1].Service(t.Context(), "SVC")
	requireCode(t, engine.CodeNotFound, err)
	require.Equal(t, 1, f.deploy(1, "SVC", good).Number)
}

// The operation that is under way while a service is swapped runs wholly on
// one module, on every node.
func TestNoOperationMixesTwoModules(t *testing.T) {
	f := newFleet(t, 3, soon)
	for _, text := range []string{"a", "b"} {
		f.everywhere(text)
		for i := range f.nodes {
			s := f.script(i, text)
			s.lookup = func(tx *engine.Tx, id engine.CredentialsID) (engine.Credentials, error) {
				return engine.Credentials{ID: id, Status: engine.Available}, tx.State().Put([]byte("lookup "+id), []byte(text))
			}
			s.markInUse = func(tx *engine.Tx, id engine.CredentialsID) error {
				return tx.State().Put([]byte("mark "+id), []byte(text))
			}
		}
		f.upload(0, text)
	}
	a, b := engine.DigestOf([]byte("a")), engine.DigestOf([]byte("b"))
	f.deploy(0, "SVC", a)
	app := f.nodes[0].app("SVC")
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var accepted sync.Map
	var n atomic.Int64
	for i, node := range f.nodes {
		group.Go(func() {
			for ctx.Err() == nil {
				id := engine.CredentialsID(string(rune('a'+i)) + time.Duration(n.Add(1)).String())
				v, err := node.Verify(context.WithoutCancel(ctx), admin, app, engine.VerifyRequest{CredentialsID: id})
				if err != nil || !v.Accepted {
					t.Errorf("lost in a swap: %v %v", v, err)
					return
				}
				accepted.Store(id, true)
			}
		})
	}
	for swap := range 20 {
		f.deploy(swap%3, "SVC", []engine.Digest{b, a}[swap%2])
	}
	cancel()
	group.Wait()
	count := 0
	accepted.Range(func(id, _ any) bool {
		count++
		prefix := "kv/" + string(app) + "/SVC/"
		snap, err := f.nodes[0].store.Read(t.Context(), engine.Strict, prefix+"lookup "+string(id.(engine.CredentialsID)), prefix+"mark "+string(id.(engine.CredentialsID)))
		require.NoError(t, err)
		looked, marked := snap.Records[0], snap.Records[1]
		require.NotEmpty(t, looked.Value)
		require.Equal(t, string(looked.Value), string(marked.Value), "one operation, two modules")
		require.Equal(t, looked.Version, marked.Version)
		return true
	})
	require.Positive(t, count)
}
