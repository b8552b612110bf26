package wasmhost

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

// refusedOnTrial says what the trial of a deployment finds.
var refusedOnTrial = map[string]string{
	"configure-loop":     "ran out of time in its start",
	"configure-negative": "broke the contract cred_v1 in its start: the status -1 does not exist",
	"configure-refuses":  "refused its configuration in its start: INVALID_ARGUMENT: the setting quota is missing",
	"data-outside":       "trapped in its start",
	"init-exit":          "its start",
	"init-loop":          "ran out of time in its start",
	"init-trap":          "trapped in its start",
	"start-loop":         "ran out of time in its start",
	"start-recurse":      "ran out of time in its start",
	"trap":               "trapped in a lookup on trial",
	"spin":               "ran out of time in a lookup on trial",
	"unknown-status":     "broke the contract cred_v1 in a lookup on trial",
}

func TestModulesThatCannotServeAreRefusedAtDeployment(t *testing.T) {
	r := newRuntime(t, Options{Limits: Limits{CallTimeout: 50 * time.Millisecond, StartTimeout: 50 * time.Millisecond}})
	for name, names := range refusedOnTrial {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			_, err := r.Start(t.Context(), engine.Service{Name: "s", Module: engine.Digest(name)}, fetch(wattest.Module(t, name)))
			e := failure(t, engine.CodeInvalid, err)
			require.Contains(t, e.Message, names)
			require.Less(t, time.Since(began), soon)
		})
	}
	require.Empty(t, r.codes.all, "code is still held")
}

// soon is when something bounded by milliseconds must have ended, on a machine
// that others use too.
const soon = 5 * time.Second

// outcome is what a method of a module in testdata leads to.
type outcome struct {
	code   engine.Code // empty for success
	broken bool        // whether the instance must be thrown away
	late   bool        // whether it may be CodeDeadline as well
}

var (
	fine     = outcome{}
	unknown  = outcome{code: engine.CodeNotFound}
	denied   = outcome{code: engine.CodeDenied}
	notThere = outcome{code: engine.CodeUnsupported}
	faulty   = outcome{code: engine.CodeModuleFault, broken: true}
	tooLate  = outcome{code: engine.CodeDeadline, broken: true}
	failing  = outcome{code: engine.CodeModuleError}
	skipped  = outcome{code: "skipped"}
	// the stack overflows, unless the time runs out first
	eitherWay = outcome{code: engine.CodeModuleFault, broken: true, late: true}
)

// outcomes has for each module those of a lookup of "x", a provision, a mark
// in use and the news of a revocation. Those of proofs are in proof_test.go.
var outcomes = map[string][verifyProof]outcome{
	"body-large":            {faulty, notThere, notThere, notThere},
	"canary":                {fine, notThere, notThere, notThere},
	"configure-output":      {unknown, notThere, notThere, notThere},
	"copy-chain":            {tooLate, notThere, notThere, notThere},
	"duplicate-field":       {faulty, notThere, notThere, notThere},
	"empty-output":          {unknown, faulty, fine, fine},
	"error-control":         {failing, notThere, notThere, notThere},
	"fill-chain":            {tooLate, notThere, notThere, notThere},
	"globals":               {unknown, notThere, notThere, notThere},
	"host-storm":            {faulty, notThere, notThere, notThere},
	"init-calls":            {unknown, notThere, notThere, notThere},
	"init-grow":             {unknown, notThere, notThere, notThere},
	"kv-echo":               {unknown, fine, fine, fine},
	"log-enabled-spin":      {faulty, notThere, notThere, notThere},
	"log-flood":             {unknown, notThere, notThere, notThere},
	"malformed":             {faulty, faulty, notThere, notThere},
	"memory-grow":           {tooLate, notThere, notThere, notThere},
	"memory-grow-all":       {unknown, notThere, notThere, notThere},
	"memory-leak":           {unknown, notThere, notThere, notThere},
	"negative-status":       {faulty, faulty, faulty, faulty},
	"not-utf8":              {faulty, notThere, notThere, notThere},
	"output-pieces":         {fine, notThere, notThere, notThere},
	"other-body":            {fine, faulty, notThere, notThere},
	"output-large":          {faulty, notThere, notThere, notThere},
	"output-on-mark":        {unknown, notThere, faulty, faulty},
	"pointers-edge":         {unknown, notThere, notThere, notThere},
	"pointers-outside":      {faulty, faulty, faulty, faulty},
	"proof":                 {fine, notThere, notThere, notThere},
	"recurse-exponential":   {tooLate, notThere, notThere, notThere},
	"recurse-forever":       {eitherWay, notThere, notThere, notThere},
	"recurse-indirect":      {tooLate, notThere, notThere, notThere},
	"refuse-all":            {denied, denied, denied, denied},
	"secret":                {fine, notThere, notThere, notThere},
	"secret-table":          {fine, notThere, notThere, notThere},
	"spin":                  {tooLate, skipped, skipped, skipped},
	"tiny":                  {fine, fine, fine, fine},
	"table-grow":            {unknown, notThere, notThere, notThere},
	"trap":                  {faulty, skipped, skipped, skipped},
	"trap-once":             {faulty, notThere, notThere, notThere},
	"unknown-fields":        {faulty, notThere, notThere, notThere},
	"unknown-record-status": {faulty, notThere, notThere, notThere},
	"unknown-status":        {faulty, faulty, faulty, faulty},
	"varint-long":           {faulty, notThere, notThere, notThere},
	"wrong-type":            {faulty, notThere, notThere, notThere},
	"wasi-exit":             {faulty, notThere, notThere, notThere},
	"wasi-sleep":            {tooLate, notThere, notThere, notThere},
	"wasi-stdout-flood":     {faulty, notThere, notThere, notThere},
	"wrong-id":              {faulty, faulty, notThere, notThere},
}

func TestEachModuleLeadsToItsOutcomeAndToNothingElse(t *testing.T) {
	timeout := 100 * time.Millisecond
	w := newWorld(t, Options{Limits: Limits{CallTimeout: timeout}})
	w.deploy("neighbour", tiny(t), engine.ServiceSpec{})
	neighbour := w.app("neighbour")
	for name, methods := range outcomes {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			app := &engine.Application{ID: w.serves(name)}
			s := w.runtime.service(engine.ServiceName(name))
			for m, want := range methods {
				if want == skipped {
					continue
				}
				for range 2 { // the second time on a fresh instance, or on the same
					began := time.Now()
					err := w.call(s, app, method(m))
					require.Less(t, time.Since(began), timeout+soon)
					code := engine.CodeOf(err)
					if want.late && code == engine.CodeDeadline {
						code = want.code
					}
					require.Equal(t, want.code, code, "%s: %v", exportOf[m], err)
					if want.broken {
						requireIncident(t, w, err)
						require.Empty(t, w.runtime.idle(s.name), "a broken instance waits for the next call")
					} else if want != notThere {
						require.Len(t, w.runtime.idle(s.name), 1)
					}
				}
			}
			v, err := w.verify(neighbour, engine.CredentialsID(name))
			require.NoError(t, err)
			require.True(t, v.Accepted)
		})
	}
}

// requireIncident checks that an error names the log entry with its details,
// and holds none itself.
func requireIncident(t *testing.T, w *world, err error) {
	t.Helper()
	var e *engine.Error
	require.ErrorAs(t, err, &e)
	require.Len(t, w.log.lines("a module failed", "incident="+e.Incident, "operation=", "detail="), 1)
	require.NotContains(t, e.Message, "wasm")
}

func TestAFaultOfAModuleNeverAccepts(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{CallTimeout: 50 * time.Millisecond}})
	for _, name := range []string{"trap", "spin", "wrong-id", "malformed", "unknown-status", "wasi-exit"} {
		v, err := w.verify(w.serves(name), "x")
		require.Error(t, err, name)
		require.False(t, v.Accepted, name)
	}
	for _, name := range []string{"refuse-all", "empty-output"} {
		v, err := w.verify(w.serves(name), "x")
		require.NoError(t, err, name)
		require.False(t, v.Accepted, name)
	}
}

// Compiled code cannot be pre-empted: if a guest kept the processor until its
// deadline, the collector and every other goroutine would wait for it.
func TestASpinningGuestHoldsUpNobody(t *testing.T) {
	for _, name := range []string{"spin", "recurse-exponential", "fill-chain"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{Limits: Limits{CallTimeout: 500 * time.Millisecond}})
			app := w.serves(name)
			done := make(chan error, 1)
			go func() { _, err := w.lookup(app, "x"); done <- err }()
			var rounds int
			fastest := time.Hour
			for running := true; running; rounds++ {
				began := time.Now()
				runtime.GC()
				fastest = min(fastest, time.Since(began))
				select {
				case err := <-done:
					requireCode(t, engine.CodeDeadline, err)
					running = false
				case <-time.After(time.Millisecond):
				}
			}
			// The fastest, since others use the machine; a guest that lets
			// nobody else run gives one round, as long as the call.
			require.Greater(t, rounds, 5)
			require.Less(t, fastest, 50*time.Millisecond)
		})
	}
}

// The fastest of a few, since others use the machine.
func TestACallEndsShortlyAfterItsDeadline(t *testing.T) {
	const timeout, tolerance = 40 * time.Millisecond, 40 * time.Millisecond
	w := newWorld(t, Options{Limits: Limits{CallTimeout: timeout}})
	for _, name := range []string{"spin", "recurse-exponential", "recurse-indirect", "fill-chain", "copy-chain", "memory-grow", "wasi-sleep"} {
		app := w.serves(name)
		fastest := time.Hour
		for try := 0; try < 10 && fastest > timeout+tolerance; try++ {
			began := time.Now()
			_, err := w.lookup(app, "x")
			requireCode(t, engine.CodeDeadline, err)
			fastest = min(fastest, time.Since(began))
		}
		require.Less(t, fastest, timeout+tolerance, name)
		require.GreaterOrEqual(t, fastest, timeout, name)
	}
}

func TestWordsOfAModuleAreCappedAndEscaped(t *testing.T) {
	w := newWorld(t, Options{})
	_, err := w.lookup(w.serves("error-control"), "x")
	e := failure(t, engine.CodeModuleError, err)
	require.LessOrEqual(t, len(e.Message), 1100)
	require.Contains(t, e.Message, `bad\r\nSet-Cookie: a=b\x1b[2J\a\x00\u202e`)
	require.NotRegexp(t, `[\x00-\x1f\x7f]`, e.Message)

	_, err = w.lookup(w.serves("refuse-all"), "x")
	require.Equal(t, "serial number outside of the batch", failure(t, engine.CodeDenied, err).Message)
}

func TestAFloodOfLogRecordsIsCapped(t *testing.T) {
	w := newWorld(t, Options{})
	_, err := w.lookup(w.serves("log-flood"), "x")
	requireCode(t, engine.CodeNotFound, err)
	lines := w.log.lines("module log", "service=log-flood")
	require.Len(t, lines, 64)
	require.Contains(t, lines[0], `level=ERROR msg="module log"`)
	require.NotRegexp(t, `[\x00-\x09\x0b-\x1f]`, lines[0])

	_, err = w.lookup(w.serves("wasi-stdout-flood"), "x")
	requireCode(t, engine.CodeModuleFault, err)
	require.LessOrEqual(t, len(w.log.lines("module log", "service=wasi-stdout-flood")), 64)
}

func TestALeakingModuleStaysUp(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{MemoryPages: 16}})
	app := w.serves("memory-leak")
	for range 100 {
		_, err := w.lookup(app, "x")
		requireCode(t, engine.CodeNotFound, err)
	}
}
