package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// failing is what the runtime returns when a module fails in a call.
func failing(f engine.Fault) error {
	return &engine.Error{Code: engine.CodeModuleFault, Message: "the module failed", Fault: f, Incident: "incident-" + string(f)}
}

// patient is a service that fails as the test says.
type patient struct {
	mu     sync.Mutex
	answer error
	calls  int
}

func (p *patient) set(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = err
}

func (p *patient) script() *script {
	return &script{lookup: func(*engine.Tx, engine.CredentialsID) (engine.Credentials, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.calls++
		if p.answer == nil {
			return engine.Credentials{}, engine.ErrNotFound
		}
		return engine.Credentials{}, p.answer
	}}
}

// breakerWorld is a world in a bubble of fake time.
func breakerWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorldOn(t, enginetest.NewMemoryStore())
		w.runs()
		test(t, w)
	})
}

func (w *world) ask(app engine.ApplicationID) error {
	w.t.Helper()
	_, err := w.Credentials(w.t.Context(), admin, app, "x")
	return err
}

func (w *world) health() engine.Health {
	w.t.Helper()
	s, err := w.Service(w.t.Context(), "s")
	require.NoError(w.t, err)
	require.NotNil(w.t, s.Health)
	return *s.Health
}

func TestAServiceThatKeepsFailingIsLeftAlone(t *testing.T) {
	for fault, most := range map[engine.Fault]int{engine.FaultViolation: 5, engine.FaultTrap: 20, engine.FaultTimeout: 20} {
		t.Run(string(fault), func(t *testing.T) {
			breakerWorld(t, func(t *testing.T, w *world) {
				p := &patient{answer: failing(fault)}
				w.deploy("s", p.script())
				app := w.app("s")
				for range most {
					require.Equal(t, engine.BreakerClosed, w.health().State)
					require.Equal(t, "incident-"+string(fault), incident(t, w.ask(app)))
					time.Sleep(time.Second)
				}
				asked := p.calls
				require.Equal(t, engine.Health{State: engine.BreakerOpen, Since: time.Now().Add(-time.Second), Faults: most}, w.health())

				// Refused without running the module, with words and a time.
				err := w.ask(app)
				requireCode(t, engine.CodeModuleFault, err)
				require.Contains(t, err.Error(), `"s" has failed too often and is left alone on this node: it is tried again at 20`)
				var e *engine.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, 29*time.Second, e.Retry)
				require.Empty(t, e.Fault)
				require.Equal(t, asked, p.calls)

				// One call after the pause, which decides.
				time.Sleep(30 * time.Second)
				p.set(engine.Errorf(engine.CodeDenied, "not in the list"))
				requireCode(t, engine.CodeDenied, w.ask(app))
				require.Equal(t, engine.BreakerClosed, w.health().State)
				require.Equal(t, asked+1, p.calls)
				requireCode(t, engine.CodeDenied, w.ask(app))

				counts := w.Faults()
				require.Len(t, counts, 1)
				require.Equal(t, engine.Faults{
					Service: "s", Opens: 1, Closed: true,
					Kinds: map[engine.Fault]int64{engine.FaultTrap: 0, engine.FaultTimeout: 0, engine.FaultViolation: 0, fault: int64(most)},
				}, counts[0])
			})
		})
	}
}

func incident(t *testing.T, err error) string {
	t.Helper()
	var e *engine.Error
	require.ErrorAs(t, err, &e)
	return e.Incident
}

func TestWhatIsNoFaultOfAModuleIsNotCounted(t *testing.T) {
	for name, answer := range map[string]error{
		"store":         engine.Errorf(engine.CodeUnavailable, "the store cannot be reached"),
		"conflict":      engine.ErrConflict,
		"refusal":       engine.Errorf(engine.CodeDenied, "no"),
		"its own error": engine.Errorf(engine.CodeModuleError, "the credentials service failed"),
		"its own time":  engine.Errorf(engine.CodeDeadline, "the credentials service ran out of time"),
		"given up":      engine.Wrap(context.Canceled, engine.CodeUnavailable, "the request was given up"),
		"queue":         engine.Errorf(engine.CodeExhausted, "try again"),
		"defect":        errors.New("defect"),
	} {
		t.Run(name, func(t *testing.T) {
			breakerWorld(t, func(t *testing.T, w *world) {
				w.deploy("s", (&patient{answer: answer}).script())
				app := w.app("s")
				for range 30 {
					require.Error(t, w.ask(app))
				}
				require.Equal(t, 0, w.health().Faults)
				require.Equal(t, engine.BreakerClosed, w.health().State)
			})
		})
	}
}

func TestFaultsThatComeSlowlyAreBorne(t *testing.T) {
	breakerWorld(t, func(t *testing.T, w *world) {
		w.deploy("s", (&patient{answer: failing(engine.FaultViolation)}).script())
		app := w.app("s")
		for range 20 {
			requireCode(t, engine.CodeModuleFault, w.ask(app))
			time.Sleep(16 * time.Second)
		}
		require.Equal(t, engine.BreakerClosed, w.health().State)
	})
}

// A call that says nothing about the module neither closes the breaker nor
// opens it again: the next one is let through.
func TestACallThatDecidesNothingIsFollowedByAnother(t *testing.T) {
	breakerWorld(t, func(t *testing.T, w *world) {
		p := &patient{answer: failing(engine.FaultViolation)}
		w.deploy("s", p.script())
		app := w.app("s")
		w.open(app)
		time.Sleep(30 * time.Second)
		p.set(engine.Errorf(engine.CodeUnavailable, "the store cannot be reached"))
		requireCode(t, engine.CodeUnavailable, w.ask(app))
		require.Equal(t, engine.BreakerOpen, w.health().State)
		p.set(nil)
		requireCode(t, engine.CodeNotFound, w.ask(app))
		require.Equal(t, engine.BreakerClosed, w.health().State)
	})
}

// open makes a service that breaks the contract fail until it is left alone.
func (w *world) open(app engine.ApplicationID) {
	w.t.Helper()
	for range 5 {
		requireCode(w.t, engine.CodeModuleFault, w.ask(app))
	}
}

// wearOut makes it fail until it is quarantined, and waits for what the engine
// makes of that.
func (w *world) wearOut(app engine.ApplicationID) {
	w.t.Helper()
	w.open(app)
	for range 2 {
		time.Sleep(31 * time.Second)
		requireCode(w.t, engine.CodeModuleFault, w.ask(app))
	}
	synctest.Wait()
}

func (w *world) quarantined() (numbers []int) {
	w.t.Helper()
	revisions, err := w.ServiceRevisions(w.t.Context(), "s")
	require.NoError(w.t, err)
	for _, r := range revisions {
		if !r.QuarantinedAt.IsZero() {
			numbers = append(numbers, r.Number)
		}
	}
	return numbers
}

func (w *world) serving() engine.Service {
	w.t.Helper()
	s, err := w.Service(w.t.Context(), "s")
	require.NoError(w.t, err)
	return s
}

func TestAQuarantinedRevisionGivesWayToTheOneBefore(t *testing.T) {
	breakerWorld(t, func(t *testing.T, w *world) {
		good, bad := &patient{}, &patient{answer: failing(engine.FaultViolation)}
		w.deploy("s", good.script())
		w.deploy("s", bad.script())
		app := w.app("s")
		before := w.serving()
		w.wearOut(app)

		s := w.serving()
		require.Equal(t, 3, s.Number)
		require.NotEqual(t, before.Module, s.Module)
		require.EqualValues(t, "engine", s.DeployedBy)
		require.Equal(t, []int{2}, w.quarantined())
		requireCode(t, engine.CodeNotFound, w.ask(app))
		require.Equal(t, engine.BreakerClosed, w.health().State)
		require.Equal(t, 1, auditsOf(t, w.store, "service.quarantine"))
		require.Equal(t, 1, auditsOf(t, w.store, "service.autorollback"))
	})
}

// Neither the revision that failed before nor the same module under another
// number comes back.
func TestTwoBadRevisionsDoNotTakeTurns(t *testing.T) {
	breakerWorld(t, func(t *testing.T, w *world) {
		first, second := &patient{}, &patient{answer: failing(engine.FaultViolation)}
		w.deploy("s", first.script())
		w.deploy("s", second.script())
		app := w.app("s")
		w.wearOut(app)
		require.Equal(t, 3, w.serving().Number) // the first again
		first.set(failing(engine.FaultViolation))
		w.wearOut(app)
		require.Equal(t, 3, w.serving().Number)
		require.Equal(t, []int{2, 3}, w.quarantined())
		require.Equal(t, engine.BreakerQuarantined, w.health().State)

		// It stays so, one call now and then excepted, and recovers by itself.
		asked := first.calls
		for range 10 {
			time.Sleep(31 * time.Second)
			requireCode(t, engine.CodeModuleFault, w.ask(app))
			requireCode(t, engine.CodeModuleFault, w.ask(app))
		}
		require.Equal(t, asked+10, first.calls)
		require.Equal(t, 3, w.serving().Number)
		first.set(nil)
		time.Sleep(31 * time.Second)
		requireCode(t, engine.CodeNotFound, w.ask(app))
		require.Equal(t, engine.BreakerClosed, w.health().State)
	})
}

func TestARevisionThatCannotStartIsPassedOver(t *testing.T) {
	breakerWorld(t, func(t *testing.T, w *world) {
		oldest, broken := (&patient{}).script(), (&patient{}).script()
		w.deploy("s", oldest)
		w.deploy("s", broken)
		w.deploy("s", (&patient{answer: failing(engine.FaultViolation)}).script())
		broken.startError = engine.Errorf(engine.CodeInvalid, "it cannot start any more")
		w.wearOut(w.app("s"))
		require.Equal(t, 4, w.serving().Number)
		require.Equal(t, engine.DigestOf([]byte(oldest.text)), w.serving().Module)
	})
}

func TestTwoNodesRollBackOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorldOn(t, enginetest.NewMemoryStore())
		other := newWorldOn(t, w.store)
		other.runtime.scripts = w.runtime.scripts
		w.deploy("s", (&patient{}).script())
		w.deploy("s", (&patient{answer: failing(engine.FaultViolation)}).script())
		app := w.app("s")
		w.wearOut(app)
		other.wearOut(app)
		require.Equal(t, 2, w.serving().Number) // nobody is running yet to roll back

		w.runs()
		other.runs()
		synctest.Wait()
		require.Equal(t, 3, w.serving().Number)
		require.Equal(t, 1, auditsOf(t, w.store, "service.autorollback"))
		requireCode(t, engine.CodeNotFound, w.ask(app))
		requireCode(t, engine.CodeNotFound, other.ask(app))
	})
}

// auditsOf counts the entries of an action.
func auditsOf(t *testing.T, store engine.Store, action string) (n int) {
	t.Helper()
	page, err := store.List(t.Context(), engine.ListRequest{Prefixes: []string{"audit/"}, Limit: engine.MaxListLimit})
	require.NoError(t, err)
	for _, r := range page.Records {
		if strings.Contains(string(r.Value), action) {
			n++
		}
	}
	return n
}
