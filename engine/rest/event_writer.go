package rest

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/credence-engine/credence/engine"
)

// lastWords is how long a stream that was cut, or that the shutdown ends, may
// take to say why.
const lastWords = 250 * time.Millisecond

// eventWriter is a stream of events in the text form of server-sent events. The
// HTTP server reads from it, and when it comes back for more, it has written
// and flushed what it was given: so the engine learns how far the client is.
//
// It outlives the handler, and therefore keeps nothing of fiber's context but
// the connection, which is its own until it is closed.
type eventWriter struct {
	server *Server
	stream *engine.EventStream
	conn   net.Conn
	user   engine.User
	began  time.Time
	log    *slog.Logger

	pending []byte
	reading bool
	over    bool      // the stream, for the reason in end
	checked time.Time // when the user was last looked at
	last    engine.Revision
	end     string
	free    []func() bool
}

// newEventWriter wraps a stream. Close must be called.
func (s *Server) newEventWriter(q *request, stream *engine.EventStream) *eventWriter {
	now := time.Now()
	w := &eventWriter{
		server: s, stream: stream, conn: q.fiber.Context().Conn(), user: q.user, began: now, checked: now,
		log:     s.log.With("requestId", q.caller.RequestID, "user", q.user.Name),
		pending: []byte("retry: 1000\n\n"), end: "the client is gone",
	}
	hurry := func() { w.limit(lastWords) }
	w.free = []func() bool{context.AfterFunc(stream.Life(), hurry), context.AfterFunc(s.streaming, hurry)}
	return w
}

// Read implements [io.Reader] for the HTTP server.
func (w *eventWriter) Read(p []byte) (int, error) {
	w.reading = true
	if len(w.pending) == 0 {
		if w.over {
			w.limit(lastWords) // for the end of the body
			return 0, io.EOF
		}
		w.fill()
	}
	w.limit(w.server.options.WriteTimeout)
	if w.stream.Life().Err() != nil || w.server.streaming.Err() != nil {
		w.limit(lastWords) // the hurry may have come before the line above
	}
	n := copy(p, w.pending)
	w.pending = w.pending[n:]
	return n, nil
}

// limit bounds how long what is given next may take to leave. The server's own
// limit is for a whole answer.
func (w *eventWriter) limit(d time.Duration) { _ = w.conn.SetWriteDeadline(time.Now().Add(d)) }

// fill waits for what is to be written next.
func (w *eventWriter) fill() {
	batch, err := w.stream.Next(w.server.streaming, w.server.options.Heartbeat)
	if err == nil {
		err = w.checkUser()
	}
	if err != nil {
		w.finish(err)
		return
	}
	w.last = batch.Revision
	for i, e := range batch.Events {
		// Only the last event of a revision says that it is complete.
		if i == len(batch.Events)-1 || batch.Events[i+1].Revision != e.Revision {
			w.id(e.Revision)
		}
		w.event(string(e.Type), eventOf(e))
	}
	switch {
	case batch.Live:
		w.id(batch.Revision)
		w.event("live", struct {
			Revision engine.Revision `json:"revision"`
		}{batch.Revision})
	case len(batch.Events) == 0:
		w.line(": reached ", strconv.FormatInt(int64(batch.Revision), 10))
		w.id(batch.Revision) // without data it is no event, and is remembered all the same
		w.pending = append(w.pending, '\n')
	}
}

// checkUser looks now and then whether the user is still the one who logged in.
// That the record cannot be read ends no stream.
func (w *eventWriter) checkUser() error {
	if time.Since(w.checked) < w.server.options.Heartbeat {
		return nil
	}
	w.checked = time.Now()
	ctx, cancel := context.WithTimeout(w.server.streaming, w.server.options.Heartbeat)
	defer cancel()
	user, err := w.server.engine.User(ctx, w.user.Name)
	if engine.CodeOf(err) == engine.CodeNotFound || err == nil && user.Version != w.user.Version {
		return engine.Errorf(engine.CodeUnauthenticated, "the user %s was changed meanwhile: log in again", w.user.Name)
	}
	return nil
}

// finish tells why the stream ends.
func (w *eventWriter) finish(err error) {
	reason := refusalOf(err).reason
	w.end, w.over = reason.Message, true
	if reason.Code == engine.CodeInternal {
		w.log.Error("a stream of events failed", "cause", causeOf(err, reason))
	}
	outcome, known := outcomes[reason.Code]
	if !known {
		outcome = outcomes[engine.CodeInternal]
	}
	w.event("error", struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}{outcome.code, reason.Message})
}

func (w *eventWriter) id(rev engine.Revision) { w.line("id: ", strconv.FormatInt(int64(rev), 10)) }

func (w *eventWriter) event(kind string, data any) {
	text, _ := json.Marshal(data, lenient) // cannot fail: texts, numbers and times
	w.line("event: ", kind)
	w.line("data: ", string(text)) // JSON has no line breaks here
	w.pending = append(w.pending, '\n')
}

func (w *eventWriter) line(name, value string) {
	w.pending = append(append(append(w.pending, name...), value...), '\n')
}

// Close implements [io.Closer] for the HTTP server.
func (w *eventWriter) Close() error {
	for _, stop := range w.free {
		stop()
	}
	if w.reading && !w.over { // what was written does not leave, and a farewell of TLS would not either
		breakOff(w.conn)
	}
	w.stream.Close()
	w.log.Info("a stream of events has ended", "reason", w.end, "revision", int64(w.last), "duration", time.Since(w.began))
	return nil
}
