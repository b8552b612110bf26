package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// maxSilence is how long a stream of events may say nothing: servers give a
	// sign of life three times as often.
	maxSilence = 45 * time.Second
	// maxEventBytes bounds one event.
	maxEventBytes = 1 << 20
)

// Event tells of a change. What does not concern it is empty.
type Event struct {
	Type            string    `json:"type"`
	Revision        int64     `json:"revision"`
	At              time.Time `json:"at"`
	Application     string    `json:"application"`
	CredentialsID   string    `json:"credentialsId"`
	EndpointID      string    `json:"endpointId"`
	SessionID       string    `json:"sessionId"`
	Service         string    `json:"service"`
	ServiceRevision int       `json:"serviceRevision"`
	Module          string    `json:"module"`
	Node            string    `json:"node"`
	Cause           string    `json:"cause"`
	User            string    `json:"user"`
	RequestID       string    `json:"requestId"`
}

// EventFilter chooses events.
type EventFilter struct {
	Application string   // an id; empty: all
	Types       []string // none: all
}

// EventStream is a stream of events that can be continued.
type EventStream struct {
	Filter EventFilter
	// LastID is the id behind which the next call of Follow goes on. It moves as
	// events come. Empty: from now on.
	LastID string
}

// Follow connects and hands each event to took, until the stream ends or took
// fails. It always returns an error: took's, ctx's, the server's (an *Error),
// or that of the network. All but the first two mean that Follow can be called
// again, unless the server refuses: with the code compacted LastID is too old.
func (c *Client) Follow(ctx context.Context, s *EventStream, took func(Answer[Event]) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(maxSilence, func() { cancel(errSilence) })
	defer silence.Stop()
	resp, err := c.openEvents(ctx, s)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	err = readEvents(resp.Body, func() { silence.Reset(maxSilence) }, func(m message) error {
		if err := m.hand(took); err != nil {
			return err
		}
		if m.id != "" {
			s.LastID = m.id
		}
		return nil
	})
	switch {
	case errors.Is(context.Cause(ctx), errSilence):
		return fmt.Errorf("%s has said nothing for %s", c.base, maxSilence)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s has ended the stream", c.base)
	}
	return err
}

var errSilence = errors.New("silence")

func (c *Client) openEvents(ctx context.Context, s *EventStream) (*http.Response, error) {
	query := url.Values{}
	if s.Filter.Application != "" {
		query.Set("application", s.Filter.Application)
	}
	if len(s.Filter.Types) > 0 {
		query.Set("types", strings.Join(s.Filter.Types, ","))
	}
	req, err := c.prepare(ctx, request{method: http.MethodGet, path: at("v1", "events"), query: query})
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream, application/problem+json")
	if s.LastID != "" {
		req.Header.Set("Last-Event-ID", s.LastID)
	}
	endless := *c.http
	endless.Timeout = 0
	resp, err := endless.Do(req)
	if err != nil {
		return nil, c.noAnswer(ctx, err)
	}
	if resp.StatusCode == http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return resp, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxEventBytes))
	if err != nil {
		return nil, c.noAnswer(ctx, err)
	}
	return nil, c.refusal(resp, body)
}

// message is one event as it stands in the stream.
type message struct {
	id, kind string
	data     []byte
}

// hand gives the message to took, unless it only says where the stream is, or
// why it ends.
func (m message) hand(took func(Answer[Event]) error) error {
	switch {
	case m.kind == "error":
		problem := &Error{}
		if err := json.Unmarshal(m.data, problem); err != nil || problem.Code == "" {
			return errors.New("the stream has ended for a reason that is not understood")
		}
		return problem
	case len(m.data) == 0, m.kind == "live":
		return nil
	}
	event := Answer[Event]{JSON: m.data}
	if err := json.Unmarshal(m.data, &event.Value); err != nil {
		return fmt.Errorf("an event is not one of a Credence server of this version: %w", err)
	}
	return took(event)
}

// readEvents reads server-sent events until the stream ends or take fails.
// Alive is called with each line.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
func readEvents(from io.Reader, alive func(), take func(message) error) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxEventBytes)
	var m message
	for lines.Scan() {
		alive()
		line := lines.Text()
		if line == "" {
			if err := take(m); err != nil {
				return err
			}
			m = message{}
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			m.id = value
		case "event":
			m.kind = value
		case "data":
			if len(m.data) > 0 {
				m.data = append(m.data, '\n')
			}
			if m.data = append(m.data, value...); len(m.data) > maxEventBytes {
				return fmt.Errorf("an event is larger than %d MiB", maxEventBytes>>20)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.EOF
}
