package engine

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// happens is what a watch yields when something happened to an application.
func happens(t *testing.T, at Revision, app ApplicationID) moment {
	t.Helper()
	value, err := encode(AuditEntry{Tenant: DefaultTenant, Application: app, Action: "application.update"})
	require.NoError(t, err)
	return momentOf(Changes{Revision: at, Events: []Event{{Record: Record{Key: auditPrefix + "x", Value: value, Version: at}}}})
}

func followed(t *testing.T) *streams {
	t.Helper()
	s := newStreams(0)
	s.start(10)
	t.Cleanup(func() { s.stop(errStreamsOver) })
	return s
}

func (s *streams) mustJoin(t *testing.T, app ApplicationID) *EventStream {
	t.Helper()
	stream, err := s.join(nil, EventFilter{Scope: Scope{Tenant: DefaultTenant}, Application: app}, 0)
	require.NoError(t, err)
	batch, err := stream.Next(t.Context(), time.Second)
	require.NoError(t, err)
	require.Equal(t, EventBatch{Revision: 10, Live: true}, batch)
	return stream
}

// reads writes all that comes, as a front end does, until the stream is cut.
func reads(t *testing.T, stream *EventStream) <-chan error {
	t.Helper()
	over := make(chan error, 1)
	go func() {
		defer stream.Close()
		for {
			if _, err := stream.Next(context.Background(), time.Hour); err != nil {
				over <- err
				return
			}
		}
	}()
	return over
}

// Whoever waits for the streams waits for those that have something to write,
// not for the others, and a second at most.
func TestWhatIsNotReadInTimeIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := followed(t)
		began := time.Now()
		require.NoError(t, s.reached(t.Context(), 10), "nobody is there")
		slow, fast, other := s.mustJoin(t, "a"), s.mustJoin(t, "a"), s.mustJoin(t, "b")
		fastOver, otherOver := reads(t, fast), reads(t, other)
		s.add(happens(t, 11, "a"))
		batch, err := slow.Next(t.Context(), time.Second)
		require.NoError(t, err)
		require.Len(t, batch.Events, 1) // and now it is stuck in the write
		context.AfterFunc(slow.Life(), slow.Close)
		require.Zero(t, time.Since(began))
		require.NoError(t, s.reached(t.Context(), 11))
		require.Equal(t, reachTimeout, time.Since(began))
		require.ErrorIs(t, context.Cause(slow.Life()), errStreamSlow)
		_, err = slow.Next(t.Context(), time.Second)
		require.ErrorIs(t, err, errStreamSlow)

		s.add(happens(t, 12, "a"))
		require.NoError(t, s.reached(t.Context(), 12))
		require.Equal(t, reachTimeout, time.Since(began), "the others are not late")
		require.Len(t, s.open, 2)
		s.cutAll(errStreamLost)
		require.ErrorIs(t, <-fastOver, errStreamLost)
		require.ErrorIs(t, <-otherOver, errStreamLost)
		require.Empty(t, s.open)
	})
}

// What this node has not seen yet, its streams have not told.
func TestWhatTheNodeHasNotSeenIsNotReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := followed(t)
		over := reads(t, s.mustJoin(t, "a"))
		waited := make(chan error, 1)
		go func() { waited <- s.reached(t.Context(), 11) }()
		time.Sleep(reachTimeout / 2)
		require.Empty(t, waited)
		s.add(happens(t, 11, "b"))
		require.NoError(t, <-waited)
		require.NoError(t, s.reached(t.Context(), 12))
		require.ErrorIs(t, <-over, errStreamSlow)
		ctx, cancel := context.WithCancel(t.Context())
		stuck := s.mustJoinAt(t, 11)
		go func() { waited <- s.reached(ctx, 12) }()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-waited, context.Canceled)
		stuck.Close()
	})
}

func (s *streams) mustJoinAt(t *testing.T, at Revision) *EventStream {
	t.Helper()
	stream, err := s.join(nil, EventFilter{}, at)
	require.NoError(t, err)
	return stream
}

// A node whose own watch is late begins another one, and lets no stream believe
// meanwhile that it is at the present.
func TestAWatchThatIsLateIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := followed(t)
		replaced := false
		s.fedBy(func() { replaced = true })
		over := reads(t, s.mustJoin(t, "a"))
		require.NoError(t, s.reached(t.Context(), 11))
		require.ErrorIs(t, <-over, errStreamSlow)
		require.True(t, replaced)
		back := s.mustJoinAt(t, 10)
		batch, err := back.Next(t.Context(), time.Second)
		require.NoError(t, err)
		require.Equal(t, EventBatch{Revision: 10}, batch, "not live")
		s.add(happens(t, 11, "a"))
		batch, err = back.Next(t.Context(), time.Second)
		require.NoError(t, err)
		require.Equal(t, EventBatch{Revision: 11, Live: true}, batch)
		back.Close()
	})
}

// A stream that does not read is overtaken: it holds up nobody and keeps
// nothing.
func TestASlowStreamIsOvertakenAndCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := followed(t)
		slow, fast := s.mustJoin(t, "a"), s.mustJoin(t, "a")
		over := reads(t, fast)
		for at := Revision(11); at <= 11+backlogRevisions; at++ {
			s.add(happens(t, at, "a"))
			synctest.Wait()
		}
		require.ErrorIs(t, context.Cause(slow.Life()), errStreamSlow)
		require.NoError(t, fast.Life().Err())
		require.Len(t, s.backlog, backlogRevisions)
		require.Equal(t, Revision(11), s.base)
		fast.cancel(errStreamLost)
		require.ErrorIs(t, <-over, errStreamLost)
		slow.Close()
	})
}

func TestTheBacklogIsBoundedInBytes(t *testing.T) {
	s := followed(t)
	const size = 1 << 20
	for at := range Revision(20) {
		s.add(momentOf(Changes{Revision: 11 + at, Events: []Event{{Record: Record{Value: make([]byte, size)}}}}))
	}
	require.LessOrEqual(t, s.bytes, backlogBytes)
	require.Len(t, s.backlog, backlogBytes/size)
	require.Equal(t, Revision(30), s.head)
}

// A batch without events says how far a quiet stream is.
func TestAQuietStreamTellsHowFarItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := followed(t)
		stream := s.mustJoin(t, "a")
		s.add(happens(t, 17, "b"))
		began := time.Now()
		batch, err := stream.Next(t.Context(), time.Minute)
		require.NoError(t, err)
		require.Equal(t, EventBatch{Revision: 17}, batch)
		require.Equal(t, time.Minute, time.Since(began))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = stream.Next(ctx, time.Minute)
		require.ErrorIs(t, err, context.Canceled)
		stream.Close()
		stream.Close()
	})
}

// Some actions are several events: of one revision, in an order that can be
// relied on.
func TestActionsThatAreSeveralEvents(t *testing.T) {
	for name, c := range map[string]struct {
		entry AuditEntry
		want  []DomainEvent
	}{
		"claim with a session": {
			AuditEntry{Action: "credentials.claim", Target: "c", Endpoint: "e", Session: "s"},
			[]DomainEvent{{Type: CredentialsClaimed, Credentials: "c", Endpoint: "e"}, {Type: SessionsOpened, Credentials: "c", Endpoint: "e", Session: "s"}},
		},
		"claim without":  {AuditEntry{Action: "credentials.claim", Target: "c", Endpoint: "e"}, []DomainEvent{{Type: CredentialsClaimed, Credentials: "c", Endpoint: "e"}}},
		"session opened": {AuditEntry{Action: "session.open", Target: "c", Endpoint: "e", Session: "s"}, []DomainEvent{{Type: SessionsOpened, Credentials: "c", Endpoint: "e", Session: "s"}}},
		"session ended": {
			AuditEntry{Action: "session.end", Target: "c", Endpoint: "e", Session: "s"},
			[]DomainEvent{{Type: SessionsEnded, Credentials: "c", Endpoint: "e", Session: "s", Cause: CauseSessionEnded}},
		},
		"endpoint": {AuditEntry{Action: "endpoint.end_sessions", Target: "e", Endpoint: "e"}, []DomainEvent{{Type: SessionsEnded, Endpoint: "e", Cause: CauseEndpointEnded}}},
		"revoked": {
			AuditEntry{Action: "credentials.revoke", Target: "c", Endpoint: "e"},
			[]DomainEvent{{Type: CredentialsRevoked, Credentials: "c", Endpoint: "e"}, {Type: SessionsEnded, Credentials: "c", Cause: CauseRevoked}},
		},
		"updated": {AuditEntry{Action: "credentials.update", Target: "c"}, []DomainEvent{{Type: CredentialsUpdated, Credentials: "c"}}},
		"no longer valid": {
			AuditEntry{Action: "credentials.update", Target: "c", Cause: CauseNotValid},
			[]DomainEvent{{Type: CredentialsUpdated, Credentials: "c", Cause: CauseNotValid}, {Type: SessionsEnded, Credentials: "c", Cause: CauseNotValid}},
		},
		"import":      {AuditEntry{Action: "credentials.import", Targets: []string{"c", "d"}}, []DomainEvent{{Type: CredentialsProvisioned, Credentials: "c"}, {Type: CredentialsProvisioned, Credentials: "d"}}},
		"audit alone": {AuditEntry{Action: "secret.set", Target: "x"}, []DomainEvent{}},
	} {
		require.Equal(t, c.want, c.entry.events(), name)
	}
	types := EventTypes()
	require.True(t, slices.IsSorted(types))
	for action, meant := range happenings {
		for _, m := range meant {
			require.Contains(t, types, m.kind, action)
		}
	}
}

// What cannot be read is not passed over: the stream ends.
func TestAnEntryThatCannotBeReadEndsTheStream(t *testing.T) {
	s := followed(t)
	stream := s.mustJoin(t, "a")
	s.add(momentOf(Changes{Revision: 11, Events: []Event{{Record: Record{Key: "audit/x", Value: []byte{0xff}}}}}))
	_, err := stream.Next(t.Context(), time.Second)
	require.Equal(t, CodeInternal, CodeOf(err))
	stream.Close()
}
