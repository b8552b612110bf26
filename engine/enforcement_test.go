package engine_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// On three nodes, in simulated time.
func onThreeNodes(t *testing.T, test func(t *testing.T, f *fleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 3, time.Second)
		synctest.Wait()
		test(t, f)
	})
}

// claimed provisions credentials that an endpoint has claimed.
func (f *fleet) claimed(app engine.ApplicationID, body string) engine.CredentialsID {
	f.t.Helper()
	id := f.nodes[0].provision(app, body)
	require.True(f.t, f.nodes[0].verify(app, id, "ep").Accepted)
	return id
}

// revoke revokes on the first node and waits so long for the receipt.
func (f *fleet) revoke(app engine.ApplicationID, id engine.CredentialsID, wait time.Duration) engine.Enforcement {
	f.t.Helper()
	done, err := f.nodes[0].Revoke(f.t.Context(), admin, app, id)
	require.NoError(f.t, err)
	ctx, cancel := context.WithTimeout(f.t.Context(), wait)
	defer cancel()
	return f.nodes[0].AwaitEnforced(ctx, done.Enforcement)
}

// ask verifies on a node and allows an answer that is an hour old.
func (m *member) ask(app engine.ApplicationID, id engine.CredentialsID) (engine.Verdict, error) {
	return m.Verify(m.t.Context(), admin, app, engine.VerifyRequest{
		CredentialsID: id, EndpointID: "ep", Consistency: engine.Bounded(time.Hour),
	})
}

// freeze stops what a node hears and the renewals of its lease, as when its
// process or its network stands still.
func (m *member) freeze() (thaw func()) {
	gate := make(chan struct{})
	m.session.Stall()
	m.faults.Inject(enginetest.Hooks{
		Commit: func(engine.Commit) (f enginetest.Fault) { <-gate; return f },
		List:   func(engine.ListRequest) (f enginetest.Fault) { <-gate; return f },
		Watch:  func(string, engine.Changes) (f enginetest.Fault) { <-gate; return f },
	})
	thaw = sync.OnceFunc(func() {
		m.faults.Inject(enginetest.Hooks{})
		m.session.Resume()
		close(gate)
	})
	m.t.Cleanup(thaw)
	return thaw
}

func states(e engine.Enforcement) map[engine.NodeID]engine.EnforcementState {
	states := map[engine.NodeID]engine.EnforcementState{}
	for _, n := range e.Nodes {
		states[n.ID] = n.State
	}
	return states
}

const (
	enforced = engine.Enforced
	pending  = engine.Pending
)

type nodeStates = map[engine.NodeID]engine.EnforcementState

func TestAReceiptNamesTheNodesThatHaveAcknowledged(t *testing.T) {
	onThreeNodes(t, func(t *testing.T, f *fleet) {
		app := f.nodes[0].app(engine.Internal)
		id := f.claimed(app, "key")
		_, err := f.nodes[1].Enforcement(t.Context(), admin, app, id)
		requireCode(t, engine.CodeNotFound, err)

		receipt := f.revoke(app, id, time.Second)
		require.Equal(t, enforced, receipt.State)
		require.Equal(t, nodeStates{"n0": enforced, "n1": enforced, "n2": enforced}, states(receipt))
		require.Empty(t, receipt.Notice)
		for _, n := range receipt.Nodes {
			require.GreaterOrEqual(t, n.Revision, receipt.Revision)
		}
		for _, n := range f.live() {
			require.GreaterOrEqual(t, n.Acknowledged, receipt.Revision)
		}
		got, err := f.nodes[1].Enforcement(t.Context(), admin, app, id)
		require.NoError(t, err)
		require.Equal(t, receipt, got)

		label := "x"
		_, err = f.nodes[2].UpdateCredentials(t.Context(), admin, app, id, engine.CredentialsPatch{Labels: map[string]*string{"l": &label}}, 0)
		require.NoError(t, err)
		require.Equal(t, receipt, f.revoke(app, id, time.Second), "again, after a change: it is the first revocation that counts")
		_, err = f.nodes[1].Enforcement(t.Context(), engine.Caller{Tenant: "other"}, app, id)
		requireCode(t, engine.CodeNotFound, err)
	})
}

func TestARepeatedRequestIsToldHowFarTheRevocationIsNow(t *testing.T) {
	onThreeNodes(t, func(t *testing.T, f *fleet) {
		app := f.nodes[0].app(engine.Internal)
		id := f.claimed(app, "key")
		caller := admin
		caller.Idempotency = &engine.Idempotency{Key: "k"}
		thaw := f.nodes[2].freeze()
		first, err := f.nodes[0].Revoke(t.Context(), caller, app, id)
		require.NoError(t, err)
		require.Equal(t, pending, first.Enforcement.State)
		thaw()
		synctest.Wait()
		again, err := f.nodes[0].Revoke(t.Context(), caller, app, id)
		require.NoError(t, err)
		require.Equal(t, enforced, again.Enforcement.State)
		require.Equal(t, first.Enforcement.Revision, again.Enforcement.Revision)
	})
}

func TestANodeThatIsGoneIsNotWaitedFor(t *testing.T) {
	onThreeNodes(t, func(t *testing.T, f *fleet) {
		app := f.nodes[0].app(engine.Internal)
		id := f.claimed(app, "key")
		f.nodes[1].freeze()()
		f.nodes[2].stop()
		require.Equal(t, nodeStates{"n0": enforced, "n1": enforced}, states(f.revoke(app, id, time.Second)))
		_, err := f.nodes[2].ask(app, id)
		requireCode(t, engine.CodeUnavailable, err)
	})
}

// The node is deaf, but others cannot know: they wait until its lease has run
// out, and by then it refuses by itself.
func TestANodeThatStandsStillIsWaitedForUntilItRefuses(t *testing.T) {
	onThreeNodes(t, func(t *testing.T, f *fleet) {
		app := f.nodes[0].app(engine.Internal)
		id, other := f.claimed(app, "key"), f.claimed(app, "other")
		deaf := f.nodes[2]
		thaw := deaf.freeze()
		frozen := time.Now()
		receipt := f.revoke(app, id, enginetest.SessionLease/2)
		require.Equal(t, pending, receipt.State)
		require.Equal(t, nodeStates{"n0": enforced, "n1": enforced, "n2": pending}, states(receipt))

		receipt = f.nodes[0].AwaitEnforced(t.Context(), receipt)
		require.Equal(t, nodeStates{"n0": enforced, "n1": enforced}, states(receipt))
		require.GreaterOrEqual(t, time.Since(frozen), enginetest.SessionLease)
		for range 3 {
			_, err := deaf.ask(app, other)
			requireCode(t, engine.CodeUnavailable, err)
			time.Sleep(time.Second)
		}

		thaw()
		require.Eventually(t, func() bool {
			v, err := deaf.ask(app, other)
			return err == nil && v.Accepted
		}, soon, tick)
		v, err := deaf.ask(app, id)
		require.NoError(t, err)
		require.Equal(t, engine.ReasonRevoked, v.Reason)
		require.Equal(t, nodeStates{"n0": enforced, "n1": enforced, "n2": enforced}, states(f.revoke(app, other, time.Second)))
	})
}

// It refuses before its lease has run out, also when nothing happens there.
func TestANodeRefusesBeforeItsLeaseEnds(t *testing.T) {
	onThreeNodes(t, func(t *testing.T, f *fleet) {
		app := f.nodes[0].app(engine.Internal)
		id := f.claimed(app, "key")
		f.nodes[2].session.Stall()
		held := f.nodes[2].session.Held()
		time.Sleep(time.Until(held) - time.Millisecond)
		v, err := f.nodes[2].ask(app, id)
		require.NoError(t, err)
		require.True(t, v.Accepted)
		time.Sleep(time.Millisecond)
		_, err = f.nodes[2].ask(app, id)
		requireCode(t, engine.CodeUnavailable, err)
		require.Len(t, f.live(), 3, "the others do not know yet")
		f.nodes[2].session.Resume()
		require.Eventually(t, func() bool { _, err := f.nodes[2].ask(app, id); return err == nil }, soon, tick)
	})
}

// What a node decides from is behind: its lease is of no help to it.
func TestANodeThatHearsLateHoldsTheReceiptUp(t *testing.T) {
	onThreeNodes(t, func(t *testing.T, f *fleet) {
		app := f.nodes[0].app(engine.Internal)
		id := f.claimed(app, "key")
		gate := make(chan struct{})
		open := sync.OnceFunc(func() { close(gate) })
		t.Cleanup(open)
		f.nodes[1].faults.Inject(enginetest.Hooks{Watch: func(string, engine.Changes) enginetest.Fault { <-gate; return enginetest.Fault{} }})
		receipt := f.revoke(app, id, time.Hour)
		require.Equal(t, nodeStates{"n0": enforced, "n1": pending, "n2": enforced}, states(receipt))
		open()
		require.Equal(t, enforced, f.nodes[0].AwaitEnforced(t.Context(), receipt).State)
	})
}

// The watch breaks, and takes what was revoked meanwhile with it.
func TestARevocationThatTheWatchHasLostIsAcknowledgedAllTheSame(t *testing.T) {
	onThreeNodes(t, func(t *testing.T, f *fleet) {
		app := f.nodes[0].app(engine.Internal)
		id := f.claimed(app, "key")
		f.nodes[1].faults.Inject(enginetest.Hooks{Watch: func(prefix string, _ engine.Changes) enginetest.Fault {
			if prefix != "denial/" {
				return enginetest.Fault{}
			}
			return enginetest.Fault{Before: engine.Errorf(engine.CodeUnavailable, "broken")}
		}})
		require.Equal(t, enforced, f.revoke(app, id, time.Minute).State)
	})
}

// The order of a process that took over a node's id, while the other goes on.
func TestOfTwoProcessesUnderOneIDTheFirstRefuses(t *testing.T) {
	onThreeNodes(t, func(t *testing.T, f *fleet) {
		app := f.nodes[0].app(engine.Internal)
		id := f.claimed(app, "key")
		w := newWorldOn(t, f.state.Session(), func(o *engine.Options) {
			o.Node, o.Now = engine.Node{ID: "n2"}, func() time.Time { return f.nodes[2].now.Add(time.Hour) }
		})
		w.runs()
		synctest.Wait()
		_, err := f.nodes[2].ask(app, id)
		requireCode(t, engine.CodeUnavailable, err)
		require.True(t, w.verify(app, id, "ep").Accepted)
		time.Sleep(time.Minute)
		require.True(t, w.verify(app, id, "ep").Accepted)
		f.nodes[2].stop()
		require.Equal(t, nodeStates{"n0": enforced, "n1": enforced, "n2": enforced}, states(f.revoke(app, id, time.Second)))
		require.Equal(t, engine.ReasonRevoked, w.verify(app, id, "ep").Reason)
	})
}

// I1b: a verdict that was under way, in a module, when the receipt was given.
func TestNoVerdictUnderWayAcceptsAfterTheReceipt(t *testing.T) {
	onThreeNodes(t, func(t *testing.T, f *fleet) {
		asked, answer := make(chan struct{}, 8), make(chan struct{}, 8)
		module := &script{text: "module", lookup: func(_ *engine.Tx, id engine.CredentialsID) (engine.Credentials, error) {
			asked <- struct{}{}
			<-answer
			return engine.Credentials{ID: id, Status: engine.Available}, nil
		}}
		for _, n := range f.nodes {
			n.runtime.add(module)
		}
		f.nodes[0].deploy("NEW", module)
		app := f.nodes[0].app("NEW")
		answer <- struct{}{}
		require.True(t, f.nodes[0].verify(app, "id", "ep").Accepted)
		<-asked

		verdict := make(chan engine.Verdict)
		go func() {
			v, err := f.nodes[1].ask(app, "id")
			if err != nil {
				t.Error(err)
			}
			verdict <- v
		}()
		<-asked
		require.Equal(t, enforced, f.revoke(app, "id", time.Second).State)
		answer <- struct{}{}
		require.Equal(t, engine.ReasonRevoked, (<-verdict).Reason)
	})
}

func TestANodeThatBeginsIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
		w := newWorldOn(t, store)
		app := w.app(engine.Internal)
		id := w.provision(app, "key")
		store.Inject(enginetest.Hooks{Commit: func(c engine.Commit) enginetest.Fault {
			if c.Writes[0].Ephemeral {
				return enginetest.Fault{Delay: time.Minute}
			}
			return enginetest.Fault{}
		}})
		w.runs()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := w.Verify(ctx, admin, app, engine.VerifyRequest{CredentialsID: id})
		requireCode(t, engine.CodeUnavailable, err)
		began := time.Now()
		require.True(t, w.verify(app, id, "ep").Accepted)
		require.Greater(t, time.Since(began), 50*time.Second)
	})
}

func TestANoticeThatWaitsIsInTheReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var deaf atomic.Bool
		deaf.Store(true)
		w.deploy("NEW", &script{lookup: always(engine.Available), markRevoked: func(*engine.Tx, engine.CredentialsID) error {
			if deaf.Load() {
				return errors.New("deaf")
			}
			return nil
		}})
		app := w.app("NEW")
		require.True(t, w.verify(app, "id", "ep").Accepted)
		w.runs()
		for range 2 {
			done, err := w.Revoke(t.Context(), admin, app, "id")
			require.NoError(t, err)
			receipt := w.AwaitEnforced(t.Context(), done.Enforcement)
			require.Equal(t, enforced, receipt.State, "no decision depends on the module")
			require.Equal(t, pending, receipt.Notice)
			time.Sleep(time.Minute)
		}
		deaf.Store(false)
		time.Sleep(time.Minute)
		receipt, err := w.Enforcement(t.Context(), admin, app, "id")
		require.NoError(t, err)
		require.Empty(t, receipt.Notice)
	})
}

// Whatever the module does: it is not asked for long about what only it may
// know, and not at all about what the engine knows.
func TestNoModuleDelaysARevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var stalls atomic.Bool
		w.deploy("NEW", &script{
			lookup: always(engine.Available),
			stall: func(ctx context.Context) error {
				if !stalls.Load() {
					return nil
				}
				<-ctx.Done()
				return engine.Wrap(ctx.Err(), engine.CodeModuleFault, "too slow")
			},
		})
		app := w.app("NEW")
		require.True(t, w.verify(app, "known", "ep").Accepted)
		stalls.Store(true)
		for id, within := range map[engine.CredentialsID]time.Duration{"known": 0, "unknown": 100 * time.Millisecond} {
			began := time.Now()
			done, err := w.Revoke(t.Context(), admin, app, id)
			require.NoError(t, err)
			require.Equal(t, engine.Revoked, done.Credentials.Status)
			require.LessOrEqual(t, time.Since(began), within, id)
		}
	})
}
