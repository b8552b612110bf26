package engine_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

var everything = engine.EventFilter{Scope: engine.Scope{Tenant: engine.DefaultTenant, Platform: true}}

// events opens a stream that the test reads.
func (w *world) events(f engine.EventFilter, after engine.Revision) *engine.EventStream {
	w.t.Helper()
	s, err := w.Events(w.t.Context(), f, after)
	require.NoError(w.t, err)
	w.t.Cleanup(s.Close)
	return s
}

// read returns events up to a revision, written as "type credentials", and how
// far the stream then was.
func read(t *testing.T, s *engine.EventStream, upTo engine.Revision) (texts []string, at engine.Revision) {
	t.Helper()
	for at < upTo {
		batch, err := s.Next(t.Context(), soon)
		require.NoError(t, err)
		for _, e := range batch.Events {
			texts = append(texts, string(e.Type)+" "+string(e.Credentials))
			require.GreaterOrEqual(t, e.Revision, at)
			require.LessOrEqual(t, e.Revision, batch.Revision)
		}
		require.GreaterOrEqual(t, batch.Revision, at)
		at = batch.Revision
	}
	return texts, at
}

func TestEventsTellOfEachChangeInOrder(t *testing.T) {
	w := newWorld(t)
	w.runs()
	s := w.events(everything, 0)
	app := w.app(engine.Internal)
	id := w.provision(app, "one")
	require.True(t, w.verify(app, id, "ep").Accepted)
	_, _, err := w.BindRegistration(t.Context(), admin, app, id, engine.Profile{Body: []byte(`1`)}, 0)
	require.NoError(t, err)
	require.NoError(t, w.DeleteRegistration(t.Context(), admin, app, id, 0))
	past := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err = w.UpdateCredentials(t.Context(), admin, app, id, engine.CredentialsPatch{NotAfter: &past}, 0)
	require.NoError(t, err)
	done, err := w.Revoke(t.Context(), admin, app, id)
	require.NoError(t, err)
	texts, at := read(t, s, done.Enforcement.Revision)
	require.Equal(t, []string{
		"applications.created ",
		"credentials.provisioned " + string(id), "credentials.claimed " + string(id), "registrations.bound " + string(id),
		"registrations.deleted " + string(id), "sessions.ended " + string(id),
		"credentials.updated " + string(id), "sessions.ended " + string(id),
		"credentials.revoked " + string(id), "sessions.ended " + string(id),
	}, texts)
	require.Equal(t, done.Enforcement.Revision, at)
	require.NoError(t, w.DeleteApplication(t.Context(), admin, app, 0))
	batch, err := s.Next(t.Context(), soon)
	require.NoError(t, err)
	require.Len(t, batch.Events, 2, "of one revision together")
	ended := batch.Events[1]
	require.Equal(t, engine.SessionsEnded, ended.Type)
	require.Equal(t, engine.CauseApplicationDeleted, ended.Cause)
	require.Equal(t, app, ended.Application)
	require.Empty(t, ended.Credentials)
	require.Equal(t, admin.User, ended.User)
	require.Equal(t, batch.Revision, ended.Revision)
}

func TestEventsOfServicesNameTheRevision(t *testing.T) {
	w := newWorld(t)
	w.runs()
	s := w.events(engine.EventFilter{Scope: engine.Scope{Platform: true}, Types: []engine.EventType{engine.ServicesActivated}}, 0)
	w.deploy("custom", &script{})
	for {
		batch, err := s.Next(t.Context(), soon)
		require.NoError(t, err)
		if len(batch.Events) == 0 {
			require.True(t, batch.Live)
			continue
		}
		e := batch.Events[0]
		require.Equal(t, engine.ServiceName("custom"), e.Service)
		require.Equal(t, 1, e.Number)
		require.NotEmpty(t, e.Module)
		require.Empty(t, e.Application)
		return
	}
}

// I8: what is another tenant's, or the platform's, is not shown.
func TestEventsStayWithinTheirScope(t *testing.T) {
	w := newWorld(t)
	w.runs()
	other := engine.Caller{Tenant: "other", User: "mallory"}
	scopes := map[string]engine.Scope{"tenant": {Tenant: engine.DefaultTenant}, "other": {Tenant: "other"}, "platform": {Platform: true}, "nobody": {}}
	streams := map[string]*engine.EventStream{}
	for name, scope := range scopes {
		streams[name] = w.events(engine.EventFilter{Scope: scope}, 0)
	}
	app := w.app(engine.Internal)
	theirs, err := w.CreateApplication(t.Context(), other, engine.ApplicationSpec{Name: "theirs", Service: engine.Internal})
	require.NoError(t, err)
	w.deploy("custom", &script{})
	last, err := w.Provision(t.Context(), admin, app, engine.ProvisionRequest{Body: []byte("last")})
	require.NoError(t, err)
	seen := map[string][]engine.DomainEvent{}
	for name, s := range streams {
		for at := engine.Revision(0); at < last.Credentials.Version; {
			b, err := s.Next(t.Context(), 50*time.Millisecond)
			require.NoError(t, err)
			seen[name], at = append(seen[name], b.Events...), b.Revision
		}
	}
	require.Empty(t, seen["nobody"])
	require.Len(t, seen["tenant"], 2)
	for _, e := range seen["tenant"] {
		require.Equal(t, app, e.Application)
	}
	require.Len(t, seen["other"], 1)
	require.Equal(t, theirs.ID, seen["other"][0].Application)
	for _, e := range seen["platform"] {
		require.Empty(t, e.Application)
	}
	require.NotEmpty(t, seen["platform"])
	_, err = w.Events(t.Context(), engine.EventFilter{Scope: scopes["tenant"], Application: theirs.ID}, 0)
	requireCode(t, engine.CodeNotFound, err)

	for name, scope := range scopes {
		list, err := w.Audit(t.Context(), scope, time.Time{}, engine.ListOptions{})
		require.NoError(t, err)
		for _, a := range list.Items {
			require.True(t, a.Application == "" && scope.Platform || a.Application != "" && a.Tenant == scope.Tenant, "%s sees %+v", name, a)
		}
		require.Equal(t, name == "nobody", len(list.Items) == 0)
	}
}

// Whoever goes on behind any revision, on this node or on one that has just
// started, sees all that came after it, once.
func TestEventsGoOnBehindAnyRevision(t *testing.T) {
	store := enginetest.NewMemoryStore()
	w := newWorldOn(t, store)
	w.runs()
	s := w.events(everything, 0)
	first, err := s.Next(t.Context(), soon)
	require.NoError(t, err)
	app := w.app(engine.Internal)
	made, err := w.Application(t.Context(), admin, app)
	require.NoError(t, err)
	last := made.Version
	at := []engine.Revision{last} // of each change
	for i := range 600 {
		out, err := w.Provision(t.Context(), admin, app, engine.ProvisionRequest{Body: []byte(fmt.Sprint(i))})
		require.NoError(t, err)
		last = out.Credentials.Version
		at = append(at, last)
	}
	all, _ := read(t, s, last)
	require.Len(t, all, 601)
	late := newWorldOn(t, store)
	late.runs()
	for _, node := range []*world{w, late} {
		for _, back := range []int{0, 1, 300, 600} {
			texts, _ := read(t, node.events(everything, at[len(at)-1-back]), last)
			texts = without(texts, "nodes.started ")
			require.Equal(t, all[len(all)-back:], texts)
		}
	}
	_, err = w.Revoke(t.Context(), admin, app, "nobody")
	requireCode(t, engine.CodeNotFound, err)
	require.NoError(t, store.Compact(t.Context(), last))
	_, err = late.Events(t.Context(), everything, first.Revision)
	requireCode(t, engine.CodeCompacted, err)
	texts, _ := read(t, w.events(everything, first.Revision), last)
	require.Len(t, without(texts, "nodes.started "), 601, "what a node keeps it can tell")
	_, err = w.Events(t.Context(), everything, last+1000)
	requireCode(t, engine.CodeCompacted, err)
	require.ErrorContains(t, err, "restored from a backup")
}

func without(texts []string, unwanted string) []string {
	kept := []string{}
	for _, text := range texts {
		if text != unwanted {
			kept = append(kept, text)
		}
	}
	return kept
}

func TestAStreamWhoseWatchBreaksLosesNothing(t *testing.T) {
	store := enginetest.NewFaultStore(enginetest.NewMemoryStore())
	w := newWorldOn(t, store)
	var seen atomic.Int32
	store.Inject(enginetest.Hooks{Watch: func(prefix string, _ engine.Changes) enginetest.Fault {
		if prefix == "audit/" && seen.Add(1) == 3 {
			return enginetest.Fault{Before: engine.Errorf(engine.CodeUnavailable, "broken")}
		}
		return enginetest.Fault{}
	}})
	w.runs()
	s := w.events(everything, 0)
	app := w.app(engine.Internal)
	for i := range 5 {
		w.provision(app, fmt.Sprint(i))
	}
	last, err := w.Provision(t.Context(), admin, app, engine.ProvisionRequest{Body: []byte("last")})
	require.NoError(t, err)
	before, _ := read(t, s, last.Credentials.Version)
	require.Len(t, before, 1+5+1)
	done, err := w.Revoke(t.Context(), admin, app, last.Credentials.ID) // the stream has a second to tell of it
	require.NoError(t, err)
	after, _ := read(t, s, done.Enforcement.Revision)
	require.Len(t, after, 2)
}

func TestThereIsALimitOfStreams(t *testing.T) {
	w := newWorldOn(t, enginetest.NewMemoryStore(), func(o *engine.Options) { o.EventStreams = 2 })
	w.runs()
	first := w.events(everything, 0)
	w.events(everything, 0)
	_, err := w.Events(t.Context(), everything, 0)
	requireCode(t, engine.CodeExhausted, err)
	require.ErrorContains(t, err, "http.maxEventStreams")
	first.Close()
	w.events(everything, 0)
	open, cut := w.EventStreams()
	require.Equal(t, 2, open)
	require.Zero(t, cut)
}

func TestANodeThatSeesNothingOffersNoStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := w.Events(ctx, everything, 0)
		requireCode(t, engine.CodeUnavailable, err)
	})
}

func TestEventTypesAreChecked(t *testing.T) {
	types, err := engine.ParseEventTypes([]string{"sessions.ended,credentials.revoked", "sessions.ended"})
	require.NoError(t, err)
	require.Equal(t, []engine.EventType{engine.SessionsEnded, engine.CredentialsRevoked}, types)
	for _, bad := range []string{"", "sessions", "sessions.ended,", "SESSIONS.ENDED", " sessions.ended"} {
		_, err := engine.ParseEventTypes([]string{bad})
		requireCode(t, engine.CodeInvalid, err)
	}
}
