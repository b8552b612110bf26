package rest

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

const soon = 30 * time.Second

// follow starts a site whose engine sees what happens.
func follow(t *testing.T, change ...func(*Options)) *site {
	t.Helper()
	s := start(t, change...)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.engine.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return s
}

// sse is one event of a stream as a client sees it; a comment has only text.
type sse struct {
	id, kind, comment string
	data              map[string]any
}

func (e sse) str(name string) string { s, _ := e.data[name].(string); return s }

// tail is an open stream.
type tail struct {
	t      *testing.T
	header http.Header
	events chan sse // closed at its end
	close  func()
	last   string // id
}

// tail opens a stream.
func (s *site) tail(t *testing.T, query string, change ...func(*http.Request)) *tail {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/v1/events"+query, http.NoBody)
	require.NoError(t, err)
	r.SetBasicAuth("admin", password)
	for _, c := range change {
		c(r)
	}
	transport := s.client.Transport.(*http.Transport).Clone()
	resp, err := transport.RoundTrip(r) //nolint:bodyclose // by close, below
	require.NoError(t, err)
	require.Equal(t, 200, resp.StatusCode)
	l := &tail{t: t, header: resp.Header, events: make(chan sse, 10000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(l.events)
		parseStream(resp.Body, l.events)
	}()
	l.close = func() {
		cancel()
		<-done
		_ = resp.Body.Close()
		transport.CloseIdleConnections()
	}
	t.Cleanup(l.close)
	return l
}

// parseStream reads as browsers do.
func parseStream(body io.Reader, to chan<- sse) {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	var e sse
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			if e.id != "" || e.kind != "" || e.comment != "" {
				to <- e
			}
			e = sse{}
		case name == "":
			e.comment = value
		case name == "id":
			e.id = value
		case name == "event":
			e.kind = value
		case name == "data":
			_ = json.Unmarshal([]byte(value), &e.data)
		}
	}
}

// next returns the next event that is no sign of life; at the end its kind is
// "end".
func (l *tail) next() sse {
	l.t.Helper()
	timer := time.NewTimer(soon)
	defer timer.Stop()
	for {
		select {
		case e, open := <-l.events:
			if !open {
				return sse{kind: "end"}
			}
			if e.id != "" {
				l.last = e.id
			}
			if e.comment == "" {
				return e
			}
		case <-timer.C:
			require.FailNow(l.t, "no event comes")
		}
	}
}

// until returns the kinds of all events up to the first of a kind.
func (l *tail) until(kind string) (kinds []string, last sse) {
	l.t.Helper()
	for last.kind != kind {
		last = l.next()
		require.False(l.t, last.kind == "end" && kind != "end", "the stream has ended after %v", kinds)
		kinds = append(kinds, last.kind)
	}
	return kinds, last
}

// provision adds credentials and returns their path.
func (s *site) provision(app, id string) string {
	s.t.Helper()
	a := s.do("POST", app+"/credentials", fmt.Sprintf(`{"id":%q,"body":"eA=="}`, id))
	require.Equal(s.t, 201, a.status, a.text)
	return app + "/credentials/" + id
}

func TestAStreamTellsOfARevocationAtOnce(t *testing.T) {
	s := follow(t)
	app := s.app("Internal")
	l := s.tail(t, "?types=credentials.provisioned,credentials.revoked,sessions.ended&application="+strings.TrimPrefix(app, "/v1/applications/"))
	require.Equal(t, "text/event-stream", l.header.Get("Content-Type"))
	require.Equal(t, "no-store", l.header.Get("Cache-Control"))
	require.Equal(t, "no", l.header.Get("X-Accel-Buffering"))
	live := l.next()
	require.Equal(t, "live", live.kind)
	require.NotEmpty(t, live.id, "from here a client that has seen nothing yet goes on")
	cred := s.provision(app, "a")
	other := s.app("Internal")
	s.provision(other, "b")
	a := s.do("POST", cred+"/revoke", "")
	require.Equal(t, 200, a.status)
	require.Equal(t, "credentials.provisioned", l.next().kind)
	revoked, ended := l.next(), l.next()
	require.Equal(t, "credentials.revoked", revoked.kind)
	require.Empty(t, revoked.id, "another event of this revision follows")
	require.Equal(t, "sessions.ended", ended.kind)
	require.Equal(t, strconv.Itoa(int(a.json["resourceVersion"].(float64))), ended.id)
	require.Equal(t, "a", ended.str("credentialsId"))
	require.Equal(t, engine.CauseRevoked, ended.str("cause"))
	require.Equal(t, "admin", ended.str("user"))
	require.Equal(t, a.header.Get("X-Request-Id"), ended.str("requestId"))
	require.Equal(t, revoked.data["revision"], ended.data["revision"])
}

// A gateway learns of each session that begins and ends, and by its ids which
// of its connections that means.
func TestAGatewayIsToldOfSessions(t *testing.T) {
	s := follow(t)
	app := s.app("Trustful")
	l := s.tail(t, "?types=credentials.claimed,sessions.opened,sessions.ended")
	l.until("live")
	open := func() string {
		a := s.do("POST", app+"/verify", `{"credentialsId":"c","session":{"ttlSeconds":60}}`)
		require.Equal(t, 200, a.status, a.text)
		return a.json["session"].(map[string]any)["id"].(string)
	}
	first := open()
	kinds, opened := l.until("sessions.opened")
	require.Equal(t, []string{"credentials.claimed", "sessions.opened"}, kinds)
	require.Equal(t, first, opened.str("sessionId"))
	second := open()
	_, opened = l.until("sessions.opened")
	require.Equal(t, second, opened.str("sessionId"))
	for _, c := range []struct{ method, path, cause, credentials, endpoint, session string }{
		{"DELETE", "/sessions/" + first, engine.CauseSessionEnded, "c", "c", first},
		{"DELETE", "/endpoints/c/sessions", engine.CauseEndpointEnded, "", "c", ""},
		{"DELETE", "/credentials/c/registration", engine.CauseRegistrationDeleted, "c", "", ""},
		{"POST", "/credentials/c/revoke", engine.CauseRevoked, "c", "", ""},
		{"DELETE", "", engine.CauseApplicationDeleted, "", "", ""},
	} {
		require.Less(t, s.do(c.method, app+c.path, "").status, 300, c.cause)
		_, ended := l.until("sessions.ended")
		require.Equal(t, c.cause, ended.str("cause"))
		require.Equal(t, []string{c.credentials, c.endpoint, c.session}, []string{ended.str("credentialsId"), ended.str("endpointId"), ended.str("sessionId")}, c.cause)
		require.Equal(t, strings.TrimPrefix(app, "/v1/applications/"), ended.str("application"))
	}
}

// Whoever was cut goes on with the last id, and sees each event at least once:
// those of the last revision perhaps again, if it was not complete.
func TestAClientThatWasCutLosesNothing(t *testing.T) {
	s := follow(t)
	app := s.app("Internal")
	l := s.tail(t, "?types=credentials.provisioned,credentials.revoked,sessions.ended")
	l.until("live")
	var want []string
	for i := range 20 {
		cred := s.provision(app, fmt.Sprint("c", i))
		require.Equal(t, 200, s.do("POST", cred+"/revoke", "").status)
		want = append(want, "credentials.provisioned", "credentials.revoked", "sessions.ended")
	}
	for cut := range want {
		l.close()
		last := l.last
		l = s.tail(t, "?types=credentials.provisioned,credentials.revoked,sessions.ended", with("Last-Event-ID", last))
		l.last = last
		if cut%3 == 2 { // in the middle of a revision, which comes again
			require.Equal(t, "credentials.revoked", l.next().kind)
		}
		require.Equal(t, want[cut], l.next().kind, cut)
	}
	kinds, _ := l.until("live")
	require.Equal(t, []string{"live"}, kinds)
}

func TestAStreamHoldsOnlyTheTypesAskedFor(t *testing.T) {
	s := follow(t)
	l := s.tail(t, "?types=credentials.revoked&types=applications.deleted")
	l.until("live")
	app := s.app("Internal")
	s.do("POST", s.provision(app, "a")+"/revoke", "")
	require.Equal(t, 204, s.do("DELETE", app, "").status)
	kinds, last := l.until("applications.deleted")
	require.Equal(t, []string{"credentials.revoked", "applications.deleted"}, kinds)
	require.NotEmpty(t, last.id, "the last that is shown of a revision has its id")
}

func TestAStreamRefusesWhatItCannotTell(t *testing.T) {
	s := follow(t)
	app := s.app("Internal")
	first := s.tail(t, "")
	first.until("live")
	for i := range 10 {
		s.provision(app, fmt.Sprint(i))
	}
	refused(t, s.do("GET", "/v1/events?types=nonsense", ""), 400, "invalid", "types", "sessions.ended")
	refused(t, s.do("GET", "/v1/events?application=", ""), 400, "invalid", "application", "one application")
	refused(t, s.do("GET", "/v1/events?application=a&application=b", ""), 400, "invalid", "application", "one application")
	refused(t, s.do("GET", "/v1/events?application=nobody", ""), 404, "not_found", "", "application")
	refused(t, s.do("GET", "/v1/events?since=1", ""), 400, "invalid", "since", "unknown")
	refused(t, s.do("GET", "/v1/events", "", anonymous), 401, "unauthenticated", "", "log in")
	for _, id := range []string{"0", "-1", "x", "1.5", "01", "99999999999999999999", "+1"} {
		refused(t, s.do("GET", "/v1/events", "", with("Last-Event-ID", id)), 400, "invalid", "Last-Event-ID", "number")
	}
	refused(t, s.do("GET", "/v1/events", "", with("Last-Event-ID", "9999999")), 410, "compacted", "", "backup")
	rev, err := strconv.Atoi(first.last)
	require.NoError(t, err)
	require.NoError(t, s.store.Compact(t.Context(), engine.Revision(rev)))
	refused(t, s.do("GET", "/v1/events", "", with("Last-Event-ID", "1")), 410, "compacted", "", "no longer kept")
	require.Equal(t, 200, s.do("HEAD", "/v1/events", "").status)
	require.Eventually(t, func() bool { open, _ := s.engine.EventStreams(); return open == 1 }, soon, 5*time.Millisecond)
}

func TestEventsTravelOverTLS(t *testing.T) {
	s := secured(t, func(change func(*Options)) *site {
		return follow(t, change, func(o *Options) { o.Heartbeat = 10 * time.Millisecond })
	})
	gone, l := s.tail(t, ""), s.tail(t, "")
	gone.until("live")
	l.until("live")
	gone.close()
	require.Eventually(t, func() bool { open, _ := s.engine.EventStreams(); return open == 1 }, soon, 5*time.Millisecond)
	s.app("Internal")
	l.until("applications.created")
	require.NoError(t, s.stop())
	l.until("error")
}

// A client that has gone is noticed by the next signs of life.
func TestAClientThatIsGoneIsNoticed(t *testing.T) {
	s := follow(t, func(o *Options) { o.Heartbeat = 10 * time.Millisecond })
	l := s.tail(t, "")
	alive := <-l.events
	for alive.comment == "" {
		alive = <-l.events
	}
	require.Equal(t, "reached "+alive.id, alive.comment)
	open, _ := s.engine.EventStreams()
	require.Equal(t, 1, open)
	require.Contains(t, s.do("GET", "/metrics", "", anonymous).text, "credence_event_streams 1\n")
	l.close()
	require.Eventually(t, func() bool { open, _ := s.engine.EventStreams(); return open == 0 }, soon, 5*time.Millisecond)
	require.Eventually(t, func() bool { return strings.Contains(s.log.String(), "the client is gone") }, soon, 5*time.Millisecond)
}

// A long stream is not ended by the limits of ordinary answers.
func TestAStreamOutlivesTheTimeoutsOfAnswers(t *testing.T) {
	const short = 400 * time.Millisecond
	s := follow(t, func(o *Options) {
		o.Heartbeat, o.WriteTimeout, o.RequestTimeout, o.IdleTimeout = 10*time.Millisecond, short, soon, short
	})
	l := s.tail(t, "")
	l.until("live")
	began := time.Now()
	for range l.events {
		if time.Since(began) > 2*short {
			break
		}
	}
	s.app("Internal")
	l.until("applications.created")
}

// A reader that stops reading is cut, and holds up neither the others nor the
// stop of the server.
func TestAReaderThatStandsStillIsCutAlone(t *testing.T) {
	s := follow(t)
	app := s.app("Internal")
	s.provision(app, "a")
	login := base64.StdEncoding.EncodeToString([]byte("admin:" + password))
	_, err := fmt.Fprintf(s.dial(), "GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n\r\n", login)
	require.NoError(t, err)
	l := s.tail(t, "?types=credentials.updated")
	l.until("live")
	require.Eventually(t, func() bool { open, _ := s.engine.EventStreams(); return open == 2 }, soon, 5*time.Millisecond)
	id := engine.ApplicationID(strings.TrimPrefix(app, "/v1/applications/"))
	caller := engine.Caller{Tenant: engine.DefaultTenant, RequestID: strings.Repeat("r", 64<<10)} // soon fills the buffers between both ends
	for n, open := 0, 2; open == 2; n++ {
		require.Less(t, n, 5000)
		label := strconv.Itoa(n)
		_, err := s.engine.UpdateCredentials(t.Context(), caller, id, "a", engine.CredentialsPatch{Labels: map[string]*string{"n": &label}}, 0)
		require.NoError(t, err)
		l.until("credentials.updated")
		open, _ = s.engine.EventStreams()
	}
	s.app("Internal")
	require.Equal(t, 200, s.do("GET", app, "").status)
}

func TestTheNumberOfStreamsIsLimited(t *testing.T) {
	s := follow(t)
	for range engine.DefaultEventStreams {
		stream, err := s.engine.Events(t.Context(), engine.EventFilter{}, 0)
		require.NoError(t, err)
		t.Cleanup(stream.Close)
	}
	a := s.do("GET", "/v1/events", "")
	refused(t, a, 429, "exhausted", "", "another node")
	require.NotEmpty(t, a.header.Get("Retry-After"))
}

// A stop ends all streams at once, with words.
func TestAStopEndsTheStreams(t *testing.T) {
	s := follow(t, func(o *Options) { o.ShutdownTimeout = soon })
	streams := make([]*tail, 8)
	for i := range streams {
		streams[i] = s.tail(t, "")
		streams[i].until("live")
	}
	require.NoError(t, s.stop(), "nothing had to be cut off")
	for _, l := range streams {
		_, last := l.until("error")
		require.Equal(t, "unavailable", last.str("code"))
		require.Contains(t, last.str("detail"), "shutting down")
		l.until("end")
	}
}

// A user that is changed is no longer the one who logged in.
func TestAStreamEndsWhenItsUserIsChanged(t *testing.T) {
	s := follow(t, func(o *Options) { o.Heartbeat = 10 * time.Millisecond })
	l := s.tail(t, "")
	l.until("live")
	snap, err := s.store.Read(t.Context(), engine.Strict, "user/admin")
	require.NoError(t, err)
	_, err = s.store.Commit(t.Context(), engine.Commit{Writes: []engine.Write{{Key: "user/admin", Value: snap.Records[0].Value}}})
	require.NoError(t, err)
	_, last := l.until("error")
	require.Equal(t, "unauthenticated", last.str("code"))
}

func TestTheAuditTellsWhoDidWhat(t *testing.T) {
	s := start(t)
	before := time.Now().Add(-time.Minute)
	app := s.app("Internal")
	id := strings.TrimPrefix(app, "/v1/applications/")
	for i := range 5 {
		s.provision(app, fmt.Sprint(i))
	}
	a := s.do("POST", app+"/credentials/3/revoke", "")
	list := s.do("GET", "/v1/audit?action=credentials.revoke&application="+id+"&user=admin", "")
	require.Equal(t, 200, list.status, list.text)
	require.Len(t, list.json["items"], 1)
	entry := list.json["items"].([]any)[0].(map[string]any)
	require.Equal(t, "credentials.revoke", entry["action"])
	require.Equal(t, "3", entry["target"])
	require.Equal(t, "admin", entry["user"])
	require.Equal(t, a.header.Get("X-Request-Id"), entry["requestId"])
	require.Equal(t, a.json["resourceVersion"], entry["resourceVersion"])

	var seen []any
	for path := "/v1/audit?pageSize=2&action=credentials.provision&since=" + before.UTC().Format(time.RFC3339); path != ""; {
		page := s.do("GET", path, "")
		require.Equal(t, 200, page.status, page.text)
		for _, item := range page.json["items"].([]any) {
			seen = append(seen, item.(map[string]any)["target"])
		}
		path, _, _ = strings.Cut(strings.TrimPrefix(page.header.Get("Link"), "<"), ">")
	}
	require.Equal(t, []any{"0", "1", "2", "3", "4"}, seen)
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	require.Empty(t, s.do("GET", "/v1/audit?since="+later, "").json["items"])
	refused(t, s.do("GET", "/v1/audit?since=yesterday", ""), 400, "invalid", "since", "RFC 3339")
	refused(t, s.do("GET", "/v1/audit?target=x", ""), 400, "invalid", "target", "unknown")
	refused(t, s.do("GET", "/v1/audit", "", anonymous), 401, "unauthenticated", "", "log in")
}

// I8: who is neither of the platform nor of a tenant sees neither.
func TestRolesSayWhatIsSeen(t *testing.T) {
	for _, c := range []struct {
		roles []engine.Role
		want  engine.Scope
	}{
		{nil, engine.Scope{}},
		{[]engine.Role{engine.RoleAdmin}, engine.Scope{Platform: true}},
		{[]engine.Role{engine.RoleTenantAdmin}, engine.Scope{Tenant: "t"}},
		{[]engine.Role{engine.RoleAdmin, engine.RoleTenantAdmin}, engine.Scope{Tenant: "t", Platform: true}},
	} {
		require.Equal(t, c.want, scopeOf(engine.User{Tenant: "t", Roles: c.roles}))
	}
}

func FuzzLastEventID(f *testing.F) {
	for _, seed := range []string{"", "1", "0", "-1", "9223372036854775807", "9223372036854775808", "1 ", "１"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		rev, err := lastEventID(header)
		switch {
		case header == "":
			require.NoError(t, err)
			require.Zero(t, rev)
		case err == nil:
			require.Positive(t, rev)
			require.Equal(t, header, strconv.FormatInt(int64(rev), 10))
		default:
			require.Equal(t, engine.CodeInvalid, engine.CodeOf(err))
		}
	})
}
