package rest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// The router hands out strings of buffers that it uses again, unless it is told
// not to; what the engine has kept of a request must not change under it.
func TestWhatWasKeptOfARequestOutlivesIt(t *testing.T) {
	s := start(t)
	list := s.app("Trustful") + "/credentials"
	const clients, each = 16, 20
	var group sync.WaitGroup
	for c := range clients {
		group.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%s-%d-%d", strings.Repeat(string(rune('a'+c)), 5+c), c, i)
				a := s.do("PUT", list+"/"+id+"/registration", `{"profile":"`+id+`"}`)
				assert.Equal(t, 201, a.status, a.text)
				assert.Equal(t, id, a.str("credentialsId"))
				a = s.do("POST", list+"/"+id+"/revoke", "")
				assert.Equal(t, id, a.str("id"), a.text)
			}
		})
	}
	group.Wait()
	for c := range clients {
		for i := range each {
			id := fmt.Sprintf("%s-%d-%d", strings.Repeat(string(rune('a'+c)), 5+c), c, i)
			a := s.do("GET", list+"/"+id+"/registration", "")
			require.Equal(t, id, a.str("profile"), a.text)
			require.Equal(t, "REVOKED", s.do("GET", list+"/"+id, "").str("status"))
		}
	}
	require.Len(t, s.do("GET", list+"?status=REVOKED&pageSize=1000", "").json["items"], clients*each)
}

func TestOneOfManyClaimsTheCredentials(t *testing.T) {
	s := start(t)
	app := s.app("Internal")
	id := s.do("POST", app+"/credentials", `{"body":"YWJj"}`).str("id")
	var accepted atomic.Int32
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			a := s.do("POST", app+"/verify", fmt.Sprintf(`{"credentialsId":%q,"endpointId":"ep-%d"}`, id, i))
			assert.Equal(t, 200, a.status, a.text)
			if a.str("decision") == "ACCEPTED" {
				accepted.Add(1)
			} else {
				assert.Equal(t, "IN_USE", a.str("reason"))
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 1, accepted.Load())
}

// away is a store that can be out of reach.
type away struct {
	engine.Store
	now  atomic.Bool
	lost atomic.Bool // commits are made, and not confirmed
}

var errAway = engine.Wrap(context.DeadlineExceeded, engine.CodeUnavailable, "the store cannot be reached: try again")

func (a *away) Read(ctx context.Context, c engine.Consistency, keys ...string) (engine.Snapshot, error) {
	if a.now.Load() {
		return engine.Snapshot{}, errAway
	}
	return a.Store.Read(ctx, c, keys...)
}

func (a *away) Commit(ctx context.Context, c engine.Commit) (engine.Revision, error) {
	rev, err := a.Store.Commit(ctx, c)
	if a.lost.Load() {
		return 0, engine.ErrUnknownOutcome
	}
	return rev, err
}

func TestWhileTheStoreIsAwayNothingIsDecided(t *testing.T) {
	store := &away{Store: enginetest.NewMemoryStore()}
	s := start(t, func(o *Options) {
		o.Engine = engine.New(engine.Options{Store: store, Builtins: builtin.Services()})
		_, err := o.Engine.Bootstrap(t.Context(), password)
		require.NoError(t, err)
	})
	app := s.app("Internal")
	kept := s.do("POST", app+"/credentials", `{"body":"YWJj"}`).header.Get("Location")
	store.now.Store(true)
	for _, a := range []answer{
		s.do("POST", app+"/credentials", `{"body":"WFla"}`), s.do("POST", app+"/verify", `{"credentialsId":"x"}`),
		s.do("GET", kept, ""), s.do("DELETE", app, ""), s.do("POST", kept+"/revoke", ""),
	} {
		refused(t, a, 503, "unavailable", "", "cannot be reached")
		require.NotEmpty(t, a.header.Get("Retry-After"))
		require.NotEmpty(t, a.str("incident"))
		require.NotContains(t, a.text, "decision")
	}
	store.now.Store(false)
	require.Equal(t, "AVAILABLE", s.do("GET", kept, "").str("status"), "nothing was lost")

	store.lost.Store(true)
	key := with("Idempotency-Key", "again")
	refused(t, s.do("POST", app+"/credentials", `{"body":"WFla"}`, key), 503, "unavailable", "", "same Idempotency-Key")
	store.lost.Store(false)
	require.Equal(t, 201, s.do("POST", app+"/credentials", `{"body":"WFla"}`, key).status, "the kept answer to what was done")
}

func TestABodyIsSentWhenItIsAskedFor(t *testing.T) {
	s := start(t)
	s.client.Transport.(*http.Transport).ExpectContinueTimeout = 5 * time.Second
	expect := with("Expect", "100-continue")
	require.Equal(t, 201, s.do("POST", "/v1/applications", `{"name":"x"}`, expect).status)
	refused(t, s.do("POST", "/v1/applications", strings.Repeat(" ", 300<<10), expect), 413, "invalid", "", "larger")
}
