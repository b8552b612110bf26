package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// withVault lets a world open sessions.
func withVault(t *testing.T) func(*engine.Options) {
	t.Helper()
	key, err := engine.NewVaultKey(make([]byte, 32))
	require.NoError(t, err)
	return func(o *engine.Options) { o.Vault = engine.NewVault(o.Store, []engine.VaultKey{key}) }
}

func newSessionWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, enginetest.NewMemoryStore(), withVault(t))
}

// openSession verifies with a session of an hour.
func (w *world) openSession(app engine.ApplicationID, id engine.CredentialsID, endpoint engine.EndpointID) *engine.OpenedSession {
	w.t.Helper()
	v, err := w.Verify(w.t.Context(), admin, app, engine.VerifyRequest{CredentialsID: id, EndpointID: endpoint, SessionTTL: hour})
	require.NoError(w.t, err)
	require.True(w.t, v.Accepted, v.Reason)
	require.NotNil(w.t, v.Session)
	return v.Session
}

func (w *world) introspect(app engine.ApplicationID, token string) engine.Introspection {
	w.t.Helper()
	in, err := w.Introspect(w.t.Context(), admin, app, engine.IntrospectRequest{Token: token})
	require.NoError(w.t, err)
	require.Positive(w.t, in.Revision)
	require.Equal(w.t, in.Active, in.Reason == "")
	return in
}

func (w *world) sessions(app engine.ApplicationID, filters ...engine.Filter) []engine.SessionID {
	w.t.Helper()
	list, err := w.SessionsOf(w.t.Context(), admin, app, engine.ListOptions{Filters: filters})
	require.NoError(w.t, err)
	ids := make([]engine.SessionID, len(list.Items))
	for i, s := range list.Items {
		ids[i] = s.ID
	}
	return ids
}

func TestAnAcceptedEndpointGetsTheSessionThatItAsksFor(t *testing.T) {
	w := newSessionWorld(t)
	app := w.app(engine.Internal)
	id := w.provision(app, "key")
	first := w.openSession(app, id, "ep")  // with the claim
	second := w.openSession(app, id, "ep") // the owner again
	require.NotEqual(t, first.ID, second.ID)
	for _, s := range []*engine.OpenedSession{first, second} {
		require.Equal(t, id, s.CredentialsID)
		require.Equal(t, engine.EndpointID("ep"), s.EndpointID)
		require.Equal(t, w.now, s.CreatedAt)
		require.Equal(t, w.now.Add(hour), s.ExpiresAt)
		require.Equal(t, admin.User, s.OpenedBy)
		in := w.introspect(app, s.Token)
		require.True(t, in.Active, in.Reason)
		require.Equal(t, s.Session, *in.Session)
		found, err := w.Session(t.Context(), admin, app, s.ID)
		require.NoError(t, err)
		require.Equal(t, s.Session, found)
	}
	require.ElementsMatch(t, []engine.SessionID{first.ID, second.ID}, w.sessions(app))

	v, err := w.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: id, EndpointID: "other", SessionTTL: hour})
	require.NoError(t, err)
	require.Equal(t, engine.ReasonInUse, v.Reason)
	require.Nil(t, v.Session)
	require.Nil(t, w.verify(app, id, "ep").Session, "none was asked for")
	require.Len(t, w.sessions(app), 2)
}

func TestASessionIsOfALengthThatIsAllowed(t *testing.T) {
	w := newWorldOn(t, enginetest.NewMemoryStore(), withVault(t), func(o *engine.Options) { o.Sessions.MaxTTL = hour })
	app := w.app(engine.Internal)
	id := w.provision(app, "key")
	for _, ttl := range []time.Duration{-time.Second, time.Millisecond, hour + time.Second} {
		_, err := w.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: id, SessionTTL: ttl})
		requireCode(t, engine.CodeInvalid, err)
		require.ErrorContains(t, err, "from 1 to 3600 seconds")
	}
	c, err := w.Credentials(t.Context(), admin, app, id)
	require.NoError(t, err)
	require.Equal(t, engine.Available, c.Status, "what was refused has claimed nothing")
}

func TestWithoutAVaultKeyThereAreNoSessions(t *testing.T) {
	w := newWorld(t)
	app := w.app(engine.Trustful)
	_, err := w.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: "x", SessionTTL: hour})
	requireCode(t, engine.CodeUnsupported, err)
	require.ErrorContains(t, err, "secrets.keyFile")
	require.True(t, w.verify(app, "x", "").Accepted)
}

// What was done after a session was opened decides whether it is active.
func TestASessionIsActiveAsLongAsItsEndpointWouldBeAccepted(t *testing.T) {
	type after func(w *world, app engine.ApplicationID, s *engine.OpenedSession)
	revoke := func(w *world, app engine.ApplicationID, s *engine.OpenedSession) {
		_, err := w.Revoke(w.t.Context(), admin, app, s.CredentialsID)
		require.NoError(w.t, err)
	}
	unbind := func(w *world, app engine.ApplicationID, s *engine.OpenedSession) {
		require.NoError(w.t, w.DeleteRegistration(w.t.Context(), admin, app, s.CredentialsID, 0))
		w.advance(time.Second)
	}
	bind := func(w *world, app engine.ApplicationID, s *engine.OpenedSession) {
		_, _, err := w.BindRegistration(w.t.Context(), admin, app, s.CredentialsID, engine.Profile{Body: []byte(`{}`)}, 0)
		require.NoError(w.t, err)
	}
	again := func(w *world, app engine.ApplicationID, s *engine.OpenedSession) {
		require.True(w.t, w.introspect(app, w.openSession(app, s.CredentialsID, s.EndpointID).Token).Active)
	}
	label := func(w *world, app engine.ApplicationID, s *engine.OpenedSession) {
		value := "A"
		_, err := w.UpdateCredentials(w.t.Context(), admin, app, s.CredentialsID, engine.CredentialsPatch{Labels: map[string]*string{"site": &value}}, 0)
		require.NoError(w.t, err)
	}
	outdate := func(w *world, app engine.ApplicationID, s *engine.OpenedSession) {
		notAfter := w.now.Add(-time.Minute)
		_, err := w.UpdateCredentials(w.t.Context(), admin, app, s.CredentialsID, engine.CredentialsPatch{NotAfter: &notAfter}, 0)
		require.NoError(w.t, err)
	}
	end := func(w *world, app engine.ApplicationID, s *engine.OpenedSession) {
		done, err := w.EndSession(w.t.Context(), admin, app, s.ID)
		require.NoError(w.t, err)
		require.Positive(w.t, done.Revision)
	}
	endAll := func(w *world, app engine.ApplicationID, s *engine.OpenedSession) {
		done, err := w.EndSessions(w.t.Context(), admin, app, s.EndpointID)
		require.NoError(w.t, err)
		require.Positive(w.t, done.Revision)
	}
	endOther := func(w *world, app engine.ApplicationID, _ *engine.OpenedSession) {
		_, err := w.EndSessions(w.t.Context(), admin, app, "somebody else")
		require.NoError(w.t, err)
	}
	wait := func(d time.Duration) after {
		return func(w *world, _ engine.ApplicationID, _ *engine.OpenedSession) { w.advance(d) }
	}
	for name, test := range map[string]struct {
		after  []after
		want   engine.Reason // "" is active
		listed bool          // though not active
	}{
		"nothing":                                  {},
		"a label and a profile change nothing":     {after: []after{label, bind}},
		"another session":                          {after: []after{again}},
		"another endpoint's sessions are ended":    {after: []after{endOther}},
		"just before its end":                      {after: []after{wait(hour - time.Millisecond)}},
		"its time is over":                         {after: []after{wait(hour)}, want: engine.ReasonSessionExpired},
		"ended":                                    {after: []after{end}, want: engine.ReasonSessionEnded},
		"ended, another one goes on":               {after: []after{end, again}, want: engine.ReasonSessionEnded},
		"all of the endpoint are ended":            {after: []after{endAll}, want: engine.ReasonSessionEnded},
		"all are ended, a later one goes on":       {after: []after{endAll, again}, want: engine.ReasonSessionEnded},
		"revoked":                                  {after: []after{revoke}, want: engine.ReasonRevoked},
		"ended and revoked":                        {after: []after{endAll, revoke}, want: engine.ReasonRevoked},
		"its registration is deleted":              {after: []after{unbind}, want: engine.ReasonSessionEnded},
		"its registration is deleted and bound":    {after: []after{unbind, bind}, want: engine.ReasonSessionEnded},
		"its registration is deleted and another":  {after: []after{unbind, bind, again}, want: engine.ReasonSessionEnded},
		"its credentials are not valid any longer": {after: []after{outdate}, want: engine.ReasonExpired, listed: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSessionWorld(t)
			app := w.app(engine.Internal)
			s := w.openSession(app, w.provision(app, "key"), "ep")
			for _, do := range test.after {
				do(w, app, s)
			}
			in := w.introspect(app, s.Token)
			require.Equal(t, test.want, in.Reason, in.Detail)
			require.Equal(t, in.Active || test.listed, slices.Contains(w.sessions(app), s.ID))
			_, err := w.Session(t.Context(), admin, app, s.ID)
			if in.Active || test.listed {
				require.NoError(t, err)
			} else {
				requireCode(t, engine.CodeNotFound, err)
			}
		})
	}
}

// The service is asked about a session as it is about a verification, and its
// faults decide nothing.
func TestTheServiceJudgesSessionsToo(t *testing.T) {
	w := newSessionWorld(t)
	var answer atomic.Value
	answer.Store(engine.Available)
	var fails atomic.Bool
	w.deploy("NEW", &script{lookup: func(tx *engine.Tx, id engine.CredentialsID) (engine.Credentials, error) {
		if fails.Load() {
			return engine.Credentials{}, engine.Errorf(engine.CodeModuleFault, "trapped")
		}
		return always(answer.Load().(engine.Status))(tx, id)
	}})
	app := w.app("NEW")
	s := w.openSession(app, "x", "ep")
	require.True(t, w.introspect(app, s.Token).Active)
	fails.Store(true)
	_, err := w.Introspect(t.Context(), admin, app, engine.IntrospectRequest{Token: s.Token})
	requireCode(t, engine.CodeModuleFault, err)
	fails.Store(false)
	answer.Store(engine.Revoked)
	require.Equal(t, engine.ReasonRevoked, w.introspect(app, s.Token).Reason)
}

func TestSessionsBelongToOneApplicationOfOneTenant(t *testing.T) { // I8
	w := newSessionWorld(t)
	first, second := w.app(engine.Trustful), w.app(engine.Trustful)
	s := w.openSession(first, "x", "ep")
	w.openSession(second, "x", "ep")
	_, err := w.EndSessions(t.Context(), admin, second, "ep")
	require.NoError(t, err)
	_, err = w.EndSession(t.Context(), admin, second, s.ID)
	requireCode(t, engine.CodeNotFound, err)
	require.Empty(t, w.sessions(second))
	require.True(t, w.introspect(first, s.Token).Active)
	require.Equal(t, engine.ReasonBadToken, w.introspect(second, s.Token).Reason)

	stranger := engine.Caller{Tenant: "other", User: "eve"}
	_, err = w.Introspect(t.Context(), stranger, first, engine.IntrospectRequest{Token: s.Token})
	requireCode(t, engine.CodeNotFound, err)
	_, err = w.SessionsOf(t.Context(), stranger, first, engine.ListOptions{})
	requireCode(t, engine.CodeNotFound, err)
	_, err = w.Session(t.Context(), stranger, first, s.ID)
	requireCode(t, engine.CodeNotFound, err)
	_, err = w.EndSession(t.Context(), stranger, first, s.ID)
	requireCode(t, engine.CodeNotFound, err)
	_, err = w.EndSessions(t.Context(), stranger, first, "ep")
	requireCode(t, engine.CodeNotFound, err)
	require.True(t, w.introspect(first, s.Token).Active)

	require.NoError(t, w.DeleteApplication(t.Context(), admin, first, 0))
	_, err = w.Introspect(t.Context(), admin, first, engine.IntrospectRequest{Token: s.Token})
	requireCode(t, engine.CodeNotFound, err)
}

func TestSessionsAreListedByCredentialsAndEndpoint(t *testing.T) {
	w := newSessionWorld(t)
	app := w.app(engine.Trustful)
	var of [3][]engine.SessionID
	for i := range 60 {
		id := engine.CredentialsID(fmt.Sprint("id", i%3))
		of[i%3] = append(of[i%3], w.openSession(app, id, engine.EndpointID("ep-"+id)).ID)
	}
	require.ElementsMatch(t, slices.Concat(of[:]...), w.sessions(app))
	require.ElementsMatch(t, of[1], w.sessions(app, engine.Filter{Field: "credentialsId", Value: "id1"}))
	require.ElementsMatch(t, of[2], w.sessions(app, engine.Filter{Field: "endpointId", Value: "ep-id2"}))
	require.Empty(t, w.sessions(app, engine.Filter{Field: "credentialsId", Value: "id1"}, engine.Filter{Field: "endpointId", Value: "ep-id2"}))
	_, err := w.SessionsOf(t.Context(), admin, app, engine.ListOptions{Filters: []engine.Filter{{Field: "user", Value: "x"}}})
	requireCode(t, engine.CodeInvalid, err)

	var paged []engine.SessionID
	for o := (engine.ListOptions{PageSize: 7}); ; {
		list, err := w.SessionsOf(t.Context(), admin, app, o)
		require.NoError(t, err)
		for _, s := range list.Items {
			paged = append(paged, s.ID)
		}
		if o.PageToken = list.NextPageToken; o.PageToken == "" {
			break
		}
	}
	require.ElementsMatch(t, slices.Concat(of[:]...), paged)
}

// Ending an endpoint's sessions costs the same, however many there are.
func TestEndingAllSessionsOfAnEndpointIsOneSmallCommit(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	w := newWorldOn(t, store, withVault(t))
	app := w.app(engine.Trustful)
	const sessions = 1000
	tokens := make([]string, sessions)
	for i := range tokens {
		tokens[i] = w.openSession(app, "x", "ep").Token
	}
	var commits, writes, reads, listings atomic.Int64
	store.Inject(enginetest.Hooks{
		Commit: func(c engine.Commit) enginetest.Fault {
			commits.Add(1)
			writes.Add(int64(len(c.Writes)))
			return enginetest.Fault{}
		},
		Read: func([]string) enginetest.Fault { reads.Add(1); return enginetest.Fault{} },
		List: func(engine.ListRequest) enginetest.Fault { listings.Add(1); return enginetest.Fault{} },
	})
	_, err := w.EndSessions(t.Context(), admin, app, "ep")
	require.NoError(t, err)
	store.Inject(enginetest.Hooks{})
	require.EqualValues(t, 1, commits.Load())
	require.LessOrEqual(t, writes.Load(), int64(5))
	require.LessOrEqual(t, reads.Load(), int64(2))
	require.LessOrEqual(t, listings.Load(), int64(1), "of the nodes, for the receipt")
	for _, token := range tokens {
		require.Equal(t, engine.ReasonSessionEnded, w.introspect(app, token).Reason)
	}
	require.Empty(t, w.sessions(app))
}

// The same for revoking: no session is written.
func TestARevocationEndsAllSessionsWithoutWritingThem(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	w := newWorldOn(t, store, withVault(t))
	app := w.app(engine.Trustful)
	var tokens []string
	for range 50 {
		tokens = append(tokens, w.openSession(app, "x", "ep").Token)
	}
	var wrote []string
	store.Inject(enginetest.Hooks{Commit: func(c engine.Commit) enginetest.Fault {
		for _, write := range c.Writes {
			wrote = append(wrote, write.Key)
		}
		return enginetest.Fault{}
	}})
	_, err := w.Revoke(t.Context(), admin, app, "x")
	require.NoError(t, err)
	store.Inject(enginetest.Hooks{})
	require.LessOrEqual(t, len(wrote), 4)
	require.False(t, slices.ContainsFunc(wrote, func(key string) bool { return strings.HasPrefix(key, "session/") }))
	for _, token := range tokens {
		require.Equal(t, engine.ReasonRevoked, w.introspect(app, token).Reason)
	}
}

// I4: however openings race with a revocation, a session is either older than
// it or was never opened, and none is active once it has returned. Commits are
// slow, fail, and are applied although they seem to fail.
func TestNoSessionIsBornAfterARevocation(t *testing.T) {
	for _, consistency := range []engine.Consistency{engine.Strict, engine.Bounded(time.Minute)} {
		store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
		w := newWorldOn(t, &lagging{Store: store, first: map[string]engine.Snapshot{}}, withVault(t))
		app := w.app(engine.Internal)
		const rounds, gateways = 25, 8
		for round := range rounds {
			id := w.provision(app, fmt.Sprint("key", round))
			if round%2 == 0 {
				w.openSession(app, id, "ep")
			}
			var calls atomic.Int64
			store.Inject(enginetest.Hooks{Commit: func(engine.Commit) enginetest.Fault {
				switch n := calls.Add(1); {
				case n%7 == 0:
					return enginetest.Fault{Delay: time.Millisecond}
				case n%11 == 0:
					return enginetest.Fault{Before: engine.ErrUnknownOutcome}
				case n%13 == 0:
					return enginetest.Fault{After: engine.ErrUnknownOutcome}
				}
				return enginetest.Fault{}
			}})
			var opened sync.Map // token → revision
			var count atomic.Int64
			var group sync.WaitGroup
			for range gateways {
				group.Go(func() {
					for {
						v, err := w.Verify(t.Context(), admin, app, engine.VerifyRequest{
							CredentialsID: id, EndpointID: "ep", SessionTTL: hour, Consistency: consistency,
						})
						if errors.Is(err, engine.ErrUnknownOutcome) {
							continue
						}
						if err != nil || !v.Accepted {
							if v.Reason != engine.ReasonRevoked {
								t.Errorf("%v %s", err, v.Reason)
							}
							return
						}
						opened.Store(v.Session.Token, v.Session.Version)
						count.Add(1)
					}
				})
			}
			require.Eventually(t, func() bool { return count.Load() >= gateways/2 }, soon, time.Millisecond)
			var revoked engine.Revocation
			for {
				var err error
				if revoked, err = w.Revoke(t.Context(), admin, app, id); err == nil {
					break
				}
				require.ErrorIs(t, err, engine.ErrUnknownOutcome)
			}
			at := revoked.Enforcement.Revision
			opened.Range(func(token, _ any) bool { // while openings are still under way
				return assert.Equal(t, engine.ReasonRevoked, w.introspect(app, token.(string)).Reason)
			})
			group.Wait()
			store.Inject(enginetest.Hooks{})
			opened.Range(func(token, revision any) bool {
				assert.Less(t, revision, at, "a session was opened after the revocation")
				return assert.Equal(t, engine.ReasonRevoked, w.introspect(app, token.(string)).Reason)
			})
			for _, r := range all(t, store, "session/") {
				if r.Version > at {
					t.Errorf("a session of revision %d was written after the revocation of revision %d", r.Version, at)
				}
			}
			require.Empty(t, w.sessions(app))
			w.advance(2 * hour)
		}
	}
}

// lagging answers reads that may be old with what it answered at first.
type lagging struct {
	engine.Store
	mu    sync.Mutex
	first map[string]engine.Snapshot
}

func (s *lagging) Read(ctx context.Context, c engine.Consistency, keys ...string) (engine.Snapshot, error) {
	snap, err := s.Store.Read(ctx, c, keys...)
	if err != nil || c.Mode != engine.ModeBounded {
		return snap, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.Join(keys, " ")
	if old, found := s.first[name]; found {
		return old, nil
	}
	s.first[name] = snap
	return snap, nil
}

// all lists the records below a prefix.
func all(t *testing.T, store engine.Store, prefix string) (records []engine.Record) {
	t.Helper()
	request := engine.ListRequest{Prefixes: []string{prefix}, Limit: engine.MaxListLimit}
	for {
		page, err := store.List(t.Context(), request)
		require.NoError(t, err)
		records = append(records, page.Records...)
		if !page.More {
			return records
		}
		request.After = records[len(records)-1].Key
	}
}
