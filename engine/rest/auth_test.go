package rest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

func asUser(name, word string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(name, word) }
}

func TestWhoIsUnknownIsToldToLogIn(t *testing.T) {
	s := start(t)
	for name, c := range map[string]struct {
		change func(*http.Request)
		words  string
	}{
		"nobody":          {anonymous, "HTTP Basic"},
		"wrong password":  {asUser("admin", "guess"), "name or the password is wrong"},
		"unknown user":    {asUser("root", password), "name or the password is wrong"},
		"no name":         {asUser("", password), "name or the password is wrong"},
		"a path as name":  {asUser("../user/admin", password), "name or the password is wrong"},
		"empty password":  {asUser("admin", ""), "name or the password is wrong"},
		"token":           {with("Authorization", "Bearer abc"), "does not offer API tokens"},
		"digest":          {with("Authorization", "Digest x"), "not offered"},
		"not base64":      {with("Authorization", "Basic %%%"), "malformed"},
		"no colon":        {with("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("admin"))), "malformed"},
		"not UTF-8":       {with("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("admin:\xff"))), "malformed"},
		"only the scheme": {with("Authorization", "Basic"), "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do("POST", "/v1/applications", `{"not even`, c.change)
			refused(t, a, 401, "unauthenticated", "", c.words)
			require.Equal(t, `Basic realm="credence", charset="UTF-8"`, a.header.Get("WWW-Authenticate"))
		})
	}
	require.NotContains(t, s.log.String(), "guess")
	require.NotContains(t, s.log.String(), password)
}

func TestEveryRouteButHealthTakesALogin(t *testing.T) {
	s := start(t)
	for _, r := range New(Options{Engine: s.engine}).routes() {
		want := http.StatusUnauthorized
		if len(r.roles) == 0 {
			want = http.StatusOK
			require.Contains(t, []string{"/livez", "/readyz", "/version", "/metrics", "/.well-known/jwks.json"}, r.path)
		}
		require.Equal(t, want, s.do(r.method, r.path, "", anonymous).status, r.path)
	}
}

func TestARoleIsNeeded(t *testing.T) {
	s := start(t)
	admin, err := s.engine.User(t.Context(), "admin")
	require.NoError(t, err)
	s.putUser(admin, engine.RoleTenantAdmin)
	a := s.do("POST", "/v1/modules", "\x00asm", asWasm)
	refused(t, a, 403, "denied", "", "KAA_ADMIN")
	refused(t, s.do("PUT", "/v1/credentials-services/x", `{}`), 403, "denied", "", "KAA_ADMIN")
	require.Equal(t, 200, s.do("GET", "/v1/credentials-services", "").status, "who chooses a service may see them")
	require.Equal(t, 200, s.do("GET", "/v1/applications", "").status)

	s.putUser(admin, engine.RoleAdmin)
	refused(t, s.do("GET", "/v1/applications", ""), 403, "denied", "", "TENANT_ADMIN")
	require.Equal(t, 200, s.do("GET", "/v1/modules", "").status)

	s.putUser(admin)
	refused(t, s.do("GET", "/v1/credentials-services", ""), 403, "denied", "", "role")
}

// putUser writes the user's record with other roles, as another node would.
func (s *site) putUser(u engine.User, roles ...engine.Role) {
	s.t.Helper()
	u.Roles = roles
	value, err := cborOf(u)
	require.NoError(s.t, err)
	_, err = s.store.Commit(s.t.Context(), engine.Commit{Writes: []engine.Write{{Key: "user/" + string(u.Name), Value: value}}})
	require.NoError(s.t, err)
}

func TestAChangeOfTheUserHoldsAtOnce(t *testing.T) {
	s := start(t)
	require.Equal(t, 200, s.do("GET", "/v1/applications", "").status)
	_, err := s.store.Commit(t.Context(), engine.Commit{Writes: []engine.Write{{Key: "user/admin", Delete: true}}})
	require.NoError(t, err)
	refused(t, s.do("GET", "/v1/applications", ""), 401, "unauthenticated", "", "wrong")
}

func TestAFailureOfTheStoreIsNoFailedLogin(t *testing.T) {
	down := &unreachable{Store: enginetest.NewMemoryStore()}
	l := newLogins(engine.New(engine.Options{Store: down}))
	for range 2 * freeFailures {
		_, err := l.user(t.Context(), basicHeader("admin", password), "10.0.0.1")
		require.Equal(t, engine.CodeUnavailable, engine.CodeOf(err))
	}
	require.Empty(t, l.failed.of)
}

type unreachable struct{ engine.Store }

func (unreachable) Read(context.Context, engine.Consistency, ...string) (engine.Snapshot, error) {
	return engine.Snapshot{}, engine.Errorf(engine.CodeUnavailable, "the store is away")
}

func basicHeader(user, word string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+word))
}

func newTestLogins(t *testing.T, now *time.Time) *logins {
	t.Helper()
	e := engine.New(engine.Options{Store: enginetest.NewMemoryStore()})
	_, err := e.Bootstrap(t.Context(), password)
	require.NoError(t, err)
	l := newLogins(e)
	l.now = func() time.Time { return *now }
	return l
}

func TestGuessingIsSlowedDownForOneUserFromOneAddress(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	l := newTestLogins(t, &now)
	try := func(word, address string) error {
		_, err := l.user(t.Context(), basicHeader("admin", word), address)
		return err
	}
	for range freeFailures + 1 {
		require.Equal(t, engine.CodeUnauthenticated, engine.CodeOf(try("guess", "10.0.0.1")))
	}
	pause := firstPause
	for range 6 {
		err := try(password, "10.0.0.1")
		require.Equal(t, engine.CodeExhausted, engine.CodeOf(err), "even the right password waits")
		r, ok := errors.AsType[*refusalError](err)
		require.True(t, ok)
		require.Equal(t, pause, r.retry)
		require.NoError(t, try(password, "10.0.0.2"), "others are not held up")
		now = now.Add(pause)
		require.Equal(t, engine.CodeUnauthenticated, engine.CodeOf(try("guess", "10.0.0.1")))
		pause = min(2*pause, longestPause)
	}
	now = now.Add(longestPause)
	require.NoError(t, try(password, "10.0.0.1"))
	require.Equal(t, engine.CodeUnauthenticated, engine.CodeOf(try("guess", "10.0.0.1")), "the count began anew")
}

func TestGuessingAtOnceIsSlowedDownToo(t *testing.T) {
	now := time.Now()
	l := newTestLogins(t, &now)
	var group sync.WaitGroup
	var mu sync.Mutex
	codes := map[engine.Code]int{}
	for i := range 12 {
		group.Go(func() {
			_, err := l.user(t.Context(), basicHeader("admin", fmt.Sprint("guess ", i)), "10.0.0.1")
			mu.Lock()
			defer mu.Unlock()
			codes[engine.CodeOf(err)]++
		})
	}
	group.Wait()
	require.LessOrEqual(t, codes[engine.CodeUnauthenticated], freeFailures+passwordChecks)
	require.Equal(t, 12, codes[engine.CodeUnauthenticated]+codes[engine.CodeExhausted])
}

func TestAnUnknownUserTakesAsLongAsAWrongPassword(t *testing.T) {
	now := time.Now()
	l := newTestLogins(t, &now)
	fastest := func(user string) time.Duration {
		best := time.Hour
		for i := range 3 {
			begun := time.Now()
			_, err := l.user(t.Context(), basicHeader(user, "guess"), fmt.Sprint("10.0.0.", i))
			require.Equal(t, engine.CodeUnauthenticated, engine.CodeOf(err))
			best = min(best, time.Since(begun))
		}
		return best
	}
	known, unknown := fastest("admin"), fastest("nobody")
	require.Less(t, known/3, unknown, "a hash is made for a user that is not there")
	require.Less(t, unknown/3, known)
}

func TestThePasswordIsHashedOnceForEachVersionOfTheRecord(t *testing.T) {
	now := time.Now()
	l := newTestLogins(t, &now)
	u, err := l.user(t.Context(), basicHeader("admin", password), "10.0.0.1")
	require.NoError(t, err)
	require.True(t, l.remembers(u, password))
	require.False(t, l.remembers(u, password+"x"))
	u.Version++
	require.False(t, l.remembers(u, password), "a change of the record forgets")
	u.Version, u.Name = u.Version-1, "other"
	require.False(t, l.remembers(u, password))
}

func TestTheTablesOfLoginsAreBounded(t *testing.T) {
	now := time.Now()
	l := newTestLogins(t, &now)
	for i := range maxRemembered + 10 {
		l.remember(engine.User{Name: engine.UserName(fmt.Sprint("u", i)), Version: 1}, "x")
	}
	require.Len(t, l.matched, maxRemembered)
	for i := range maxFailing + 10 {
		l.failed.add(login{user: "u", address: fmt.Sprint(i)}, now)
	}
	require.Len(t, l.failed.of, maxFailing)
	l.failed.add(login{user: "late"}, now.Add(2*failureLifetime))
	require.Len(t, l.failed.of, 1, "old ones go first")
}

func TestALoginThatWaitsTooLongIsUndecided(t *testing.T) {
	now := time.Now()
	l := newTestLogins(t, &now)
	for range passwordChecks {
		l.slots <- struct{}{}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := l.user(ctx, basicHeader("admin", password), "10.0.0.1")
	require.Equal(t, engine.CodeUnavailable, engine.CodeOf(err))
}
