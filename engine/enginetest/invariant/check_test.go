package invariant

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/credence-engine/credence/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// op makes an operation on credentials "c" of "app", done from one moment to
// another.
func op(kind Kind, invoked, returned time.Duration, changes ...func(*Op)) Op {
	o := Op{
		Kind: kind, Node: "n0", Outcome: Done, Invoked: invoked, Returned: returned,
		App: "app", Credentials: "c", Endpoint: "e", Service: "",
	}
	for _, change := range changes {
		change(&o)
	}
	return o
}

func accepted(o *Op) { o.Accepted = true }
func active(o *Op)   { o.Active = true }
func created(o *Op)  { o.Created = true }
func enforced(o *Op) { o.Enforced = true }
func unknown(o *Op)  { o.Outcome = Unknown }
func session(o *Op)  { o.Session = "s" }
func refused(o *Op)  { o.Outcome = Refused }

func endpoint(id engine.EndpointID) func(*Op) { return func(o *Op) { o.Endpoint = id } }
func revision(r engine.Revision) func(*Op)    { return func(o *Op) { o.Revision = r } }
func at(c engine.Consistency) func(*Op)       { return func(o *Op) { o.Consistency = c } }
func status(s engine.Status) func(*Op)        { return func(o *Op) { o.Status = s } }
func in(app engine.ApplicationID) func(*Op)   { return func(o *Op) { o.App = app } }
func module(digest string) func(*Op) {
	return func(o *Op) {
		o.Service, o.Digest, o.Credentials = "s", engine.Digest(digest), ""
	}
}

// TestEachMonitorCatchesABadHistory gives each invariant histories that break
// it, and ones close to them that do not.
func TestEachMonitorCatchesABadHistory(t *testing.T) {
	provisioned := op(Provision, 1, 2, created, revision(1))
	for _, c := range []struct {
		name   string
		broken []string // in the order of their first violation
		ops    []Op
		rules  Rules
	}{
		{"accepted after a revocation", []string{"I1", "I2"}, []Op{op(Revoke, 10, 20), op(Verify, 21, 30, accepted)}, Rules{}},
		{"accepted beside a revocation", nil, []Op{op(Revoke, 10, 20), op(Verify, 19, 30, accepted)}, Rules{}},
		{"accepted beside a revocation of unknown outcome", nil, []Op{op(Revoke, 10, 20, unknown), op(Verify, 21, 30, accepted)}, Rules{}},
		{"accepted as of a later revision", []string{"I1", "I2"}, []Op{op(Verify, 5, 30, accepted, revision(8)), op(Revoke, 10, 20, revision(7))}, Rules{}},
		{"accepted as of an earlier revision", nil, []Op{op(Verify, 5, 30, accepted, revision(6)), op(Revoke, 10, 20, revision(7))}, Rules{}},
		{"accepted within the bound", nil, []Op{op(Revoke, 10, 20), op(Verify, 60, 70, accepted, at(engine.Bounded(50)))}, Rules{}},
		{"accepted beyond the bound", []string{"I1", "I2"}, []Op{op(Revoke, 10, 20), op(Verify, 60, 70, accepted, at(engine.Bounded(30)))}, Rules{}},
		{"accepted by one who has seen less", nil, []Op{op(Revoke, 10, 20, revision(7)), op(Verify, 60, 70, accepted, at(engine.AtLeast(6)))}, Rules{}},
		{"accepted by one who has seen the revocation", []string{"I1"}, []Op{op(Revoke, 10, 20, revision(7)), op(Verify, 60, 70, accepted, at(engine.AtLeast(7)))}, Rules{}},
		{"other credentials", nil, []Op{op(Revoke, 10, 20), op(Verify, 21, 30, accepted, in("other"))}, Rules{}},

		{"an old acceptance after a receipt", []string{"I1b"}, []Op{op(Revoke, 10, 20, enforced), op(Verify, 25, 30, accepted, at(engine.Bounded(50)))}, Rules{}},
		{"an acceptance under way at a receipt", []string{"I1b"}, []Op{op(Verify, 15, 30, accepted), op(Revoke, 10, 20, enforced)}, Rules{}},
		{"an acceptance that was slow to arrive", nil, []Op{op(Verify, 15, 30, accepted), op(Revoke, 10, 20, enforced)}, Rules{Grace: 10}},
		{"an acceptance that was under way when the node was made to stand still", nil, []Op{
			op(Verify, 15, 60, accepted), op(Pause, 16, 50), op(Revoke, 17, 20, enforced),
		}, Rules{Grace: 10}},
		{"an acceptance by a node that had stood still", []string{"I1b"}, []Op{
			op(Pause, 16, 50), op(Verify, 17, 60, accepted), op(Revoke, 18, 20, enforced),
		}, Rules{Grace: 10}},

		{"a status that goes back in time", []string{"I2"}, []Op{op(Get, 1, 2, status(engine.InUse)), op(Get, 3, 4, status(engine.Available))}, Rules{}},
		{"two statuses at once", nil, []Op{op(Get, 1, 3, status(engine.InUse)), op(Get, 2, 4, status(engine.Available))}, Rules{}},
		{"a status that goes back in revisions", []string{"I2"}, []Op{
			op(Get, 1, 3, status(engine.InUse), revision(5)), op(Get, 2, 4, status(engine.Available), revision(6)),
		}, Rules{}},
		{"two statuses at one revision", []string{"I2"}, []Op{
			op(Get, 1, 3, status(engine.InUse), revision(5)), op(Get, 2, 4, status(engine.Available), revision(5)),
		}, Rules{}},
		{"provisioned again after a revocation", []string{"I2"}, []Op{op(Revoke, 1, 2), op(Provision, 3, 4, created)}, Rules{}},

		{"two owners", []string{"I3"}, []Op{op(Verify, 1, 5, accepted), op(Verify, 2, 4, accepted, endpoint("other"))}, Rules{}},

		{"a session after its end", []string{"I4"}, []Op{op(Verify, 1, 2, accepted, session), op(EndSession, 3, 4, session), op(Introspect, 5, 6, active, session)}, Rules{}},
		{"a session beside its end", nil, []Op{op(Verify, 1, 2, accepted, session), op(EndSession, 3, 6, session), op(Introspect, 5, 7, active, session)}, Rules{}},
		{"a session after the end of its endpoint", []string{"I4"}, []Op{op(Verify, 1, 2, accepted, session), op(EndEndpoint, 3, 4), op(Introspect, 5, 6, active, session)}, Rules{}},
		{"a session opened after the end of its endpoint", nil, []Op{op(Verify, 3, 5, accepted, session), op(EndEndpoint, 3, 4), op(Introspect, 6, 7, active, session)}, Rules{}},
		{"a session opened at a revision before the end of its endpoint", []string{"I4"}, []Op{
			op(Verify, 3, 5, accepted, session, revision(7)), op(EndEndpoint, 3, 4, revision(8)), op(Introspect, 6, 7, active, session),
		}, Rules{}},
		{"a session after the revocation", []string{"I2", "I4"}, []Op{op(Verify, 1, 2, accepted, session), op(Revoke, 3, 4), op(Introspect, 5, 6, active, session)}, Rules{}},
		{"an old look at a session after a receipt", []string{"I4"}, []Op{
			op(Verify, 1, 2, accepted, session), op(EndEndpoint, 3, 4, enforced), op(Introspect, 5, 6, active, session, at(engine.Bounded(100))),
		}, Rules{}},

		{"acknowledged credentials that are gone", []string{"I2", "I5"}, []Op{provisioned, op(Verify, 3, 4, status(Absent))}, Rules{}},
		{"acknowledged a second time, and gone", []string{"I5"}, []Op{op(Provision, 1, 2, revision(1)), op(Verify, 3, 4, status(Absent))}, Rules{}},
		{"credentials that are not there yet", nil, []Op{op(Verify, 1, 4, status(Absent)), op(Provision, 1, 2, created)}, Rules{}},

		{"a module that was replaced", []string{"I6"}, []Op{
			op(Deploy, 1, 2, module("a")), op(Deploy, 3, 4, module("b")), op(Verify, 5, 6, module("a")),
		}, Rules{}},
		{"a module that is being replaced", nil, []Op{
			op(Deploy, 1, 2, module("a")), op(Deploy, 3, 9, module("b")), op(Verify, 5, 6, module("a")),
		}, Rules{}},
		{"a module whose deployment may still come", nil, []Op{
			op(Deploy, 1, 2, module("a"), unknown), op(Deploy, 3, 4, module("b")), op(Verify, 5, 6, module("a")),
		}, Rules{}},
		{"a deployment that was refused", nil, []Op{op(Deploy, 1, 2, module("a")), op(Deploy, 3, 4, module("b"), refused), op(Verify, 5, 6, module("a"))}, Rules{}},
		{"a module from nowhere", []string{"I6"}, []Op{op(Deploy, 1, 2, module("a")), op(Verify, 5, 6, module("b"))}, Rules{}},

		{"a change without an entry", []string{"I7"}, []Op{provisioned}, Rules{Audit: []Entry{}}},
		{"a change with its entry", nil, []Op{provisioned}, Rules{Audit: []Entry{{"credentials.provision", "app", "c", 1}}}},
		{"an entry of another revision", []string{"I7"}, []Op{provisioned}, Rules{Audit: []Entry{{"credentials.provision", "app", "c", 2}}}},
		{"two revocations", []string{"I7"}, []Op{op(Revoke, 1, 2, revision(3))}, Rules{Audit: []Entry{{"credentials.revoke", "app", "c", 3}, {"credentials.revoke", "app", "c", 4}}}},
		{"a claim without an entry", []string{"I7"}, []Op{op(Verify, 1, 2, accepted)}, Rules{Audit: []Entry{}}},

		{"the end of a session without an entry", []string{"I7"}, []Op{op(EndSession, 1, 2, session, revision(3))}, Rules{Audit: []Entry{{"session.end", "app", "c", 2}}}},
		{"the end of a session with its entry", nil, []Op{op(EndSession, 1, 2, session, revision(3))}, Rules{Audit: []Entry{{"session.end", "app", "c", 3}}}},

		{"a revocation in another application", []string{"I8"}, []Op{op(Revoke, 1, 2), op(Verify, 3, 4, in("other"), status(engine.Revoked))}, Rules{}},
		{"an owner that never asked", []string{"I8"}, []Op{op(Get, 1, 2, status(engine.InUse), func(o *Op) { o.Owner = "nobody" })}, Rules{}},

		{"a claim that nobody sees", []string{"I2", "L"}, []Op{
			provisioned, op(Verify, 3, 4, accepted), op(Verify, 5, 6, endpoint("other"), status(engine.Available)),
		}, Rules{Search: time.Minute}},
		{"credentials that nobody has provisioned", []string{"L"}, []Op{op(Verify, 3, 4, accepted)}, Rules{Search: time.Minute}},
		{"credentials of an unknown provisioning", nil, []Op{op(Provision, 1, 2, unknown), op(Verify, 3, 4, accepted)}, Rules{Search: time.Minute}},
		{"a claim that was refused for a revocation meanwhile", nil, []Op{
			provisioned, op(Verify, 3, 9, status(engine.Revoked), func(o *Op) { o.Owner = "e" }), op(Revoke, 5, 6),
			op(Get, 10, 11, status(engine.Revoked), func(o *Op) { o.Owner = "e" }),
		}, Rules{Search: time.Minute}},
		{"a revocation of what is not known", nil, []Op{op(Revoke, 1, 2), op(Verify, 3, 4, status(engine.Revoked))}, Rules{Search: time.Minute}},
		{"a refusal of what is there", []string{"L"}, []Op{provisioned, op(Revoke, 3, 4, refused)}, Rules{Search: time.Minute}},
		{"an old look", nil, []Op{
			provisioned, op(Verify, 3, 4, accepted), op(Get, 5, 6, status(engine.Available), at(engine.AtLeast(1))),
		}, Rules{Search: time.Minute}},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := Check(c.ops, c.rules)
			var broken []string
			for _, v := range report.Violations {
				broken = append(broken, v.Invariant)
				require.NotEmpty(t, v.Ops)
				require.Contains(t, v.String(), v.Ops[0].String())
			}
			require.Equal(t, c.broken, broken, "%v", report.Violations)
			for _, name := range c.broken {
				require.Equal(t, 1, report.Of(name))
			}
		})
	}
}

// TestAnOvertakenAnswerIsCounted: what a node was about to send when it was
// made to stand still is no violation, and no secret.
func TestAnOvertakenAnswerIsCounted(t *testing.T) {
	report := Check([]Op{op(Verify, 15, 60, accepted), op(Pause, 16, 50), op(Revoke, 17, 20, enforced)}, Rules{})
	require.Empty(t, report.Violations)
	require.Equal(t, 1, report.Overtaken)
}

// registers is a correct system: one lock around everything.
type registers struct {
	mu    sync.Mutex
	state map[string]*struct {
		status engine.Status
		owner  engine.EndpointID
	}
}

func (r *registers) do(o *Op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := string(o.App) + "/" + string(o.Credentials)
	c := r.state[key]
	o.Outcome = Done
	switch {
	case o.Kind == Provision && c == nil:
		r.state[key] = &struct {
			status engine.Status
			owner  engine.EndpointID
		}{engine.Available, ""}
		o.Created = true
	case c == nil && o.Kind == Revoke:
		o.Outcome = Refused
	case c == nil:
		o.Status = Absent
	case o.Kind == Provision && c.status == engine.Revoked:
		o.Outcome = Refused
	case o.Kind == Revoke:
		c.status = engine.Revoked
	case o.Kind == Verify && c.status != engine.Revoked && (c.owner == "" || c.owner == o.Endpoint):
		c.status, c.owner = engine.InUse, o.Endpoint
		o.Accepted = true
	default:
		o.Status, o.Owner = c.status, c.owner
	}
}

// TestACorrectSystemIsFoundCorrect lets clients meet on few credentials of a
// system behind one lock, of which some answers are lost.
func TestACorrectSystemIsFoundCorrect(t *testing.T) {
	began := time.Now()
	recorder := NewRecorder(func() time.Duration { return time.Since(began) })
	system := registers{state: map[string]*struct {
		status engine.Status
		owner  engine.EndpointID
	}{}}
	var clients sync.WaitGroup
	for client := range 6 {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(client)))
			for n := range 300 {
				o := Op{
					Kind: []Kind{Provision, Verify, Verify, Verify, Get, Revoke}[random.IntN(6)], Client: client, Node: "n0",
					App: engine.ApplicationID(fmt.Sprint("app", random.IntN(2))), Credentials: engine.CredentialsID(fmt.Sprint("c", n/6)),
					Endpoint: engine.EndpointID(fmt.Sprint("e", random.IntN(2))),
				}
				call := recorder.Invoke(o)
				system.do(&o)
				if random.IntN(20) == 0 {
					continue // the answer is lost
				}
				recorder.Return(call, func(told *Op) {
					told.Outcome, told.Accepted, told.Created = o.Outcome, o.Accepted, o.Created
					told.Status, told.Owner = o.Status, o.Owner
				})
			}
		})
	}
	clients.Wait()
	history := recorder.History()
	report := Check(history, Rules{Search: time.Minute})
	require.Empty(t, report.Violations)
	require.Zero(t, report.Undecided)

	var file bytes.Buffer
	require.NoError(t, WriteHistory(&file, history))
	lines := bytes.Split(bytes.TrimSpace(file.Bytes()), []byte("\n"))
	require.Len(t, lines, len(history))
	var last Op
	require.NoError(t, json.Unmarshal(lines[len(lines)-1], &last))
	require.Equal(t, history[len(history)-1], last)
}

// TestTheRecorderTellsMomentsApart, even where the clock stands still.
func TestTheRecorderTellsMomentsApart(t *testing.T) {
	recorder := NewRecorder(func() time.Duration { return 0 })
	first := recorder.Invoke(Op{Kind: Revoke})
	recorder.Return(first, func(o *Op) { o.Outcome = Done })
	recorder.Invoke(Op{Kind: Verify})
	history := recorder.History()
	require.Less(t, history[0].Invoked, history[0].Returned)
	require.Less(t, history[0].Returned, history[1].Invoked)
	require.Equal(t, Never, history[1].Returned)
	require.Contains(t, history[1].String(), "never client 0 verify unknown")
}
