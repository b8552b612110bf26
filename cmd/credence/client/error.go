package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"strings"
)

// Error is a refusal in the server's words (RFC 9457, problem details).
type Error struct {
	// Status is the HTTP status.
	Status int `json:"status"`
	// Code is one of the API's codes, such as not_found or conflict.
	Code string `json:"code"`
	// Title names the kind of problem, Detail says what is wrong this time.
	Title  string `json:"title"`
	Detail string `json:"detail"`
	// RequestID finds the request in the server's log.
	RequestID string `json:"requestId"`
	// Field is the member of the request that is at fault, if one is.
	Field string `json:"field"`
	// Incident names the server's log entry with the details that the answer
	// must not carry.
	Incident string `json:"incident"`
	// Missing is what a module asks for beyond the grants of its service, in
	// the shape of the grants.
	Missing json.RawMessage `json:"missing"`
}

// Error is the detail, with the code and all that helps to find the cause.
func (e *Error) Error() string {
	text := e.Detail
	if text == "" {
		text = e.Title
	}
	notes := []string{e.Code}
	for _, note := range []struct{ name, value string }{
		{"field ", e.Field}, {"incident ", e.Incident}, {"request ", e.RequestID},
	} {
		if note.value != "" {
			notes = append(notes, note.name+note.value)
		}
	}
	return text + " (" + strings.Join(notes, ", ") + ")"
}

// refusal reads the server's reason. An answer without one comes from something
// else that listens at the address, or stands before it.
func (c *Client) refusal(resp *http.Response, body []byte) error {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	problem := &Error{}
	if kind == "application/problem+json" && json.Unmarshal(body, problem) == nil && problem.Code != "" {
		problem.Status = resp.StatusCode
		if problem.RequestID == "" {
			problem.RequestID = resp.Header.Get("X-Request-Id")
		}
		return problem
	}
	return fmt.Errorf("%s answered %s without a reason: is this the address of a Credence server?", c.base, resp.Status)
}

// UnreachableError says that the request did not get to the server.
type UnreachableError struct {
	Server string
	cause  error
}

// Error names the server and what the network said.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("cannot reach the server at %s: %s", e.Server, innermost(e.cause))
}

// Unwrap returns the network's error.
func (e *UnreachableError) Unwrap() error { return e.cause }

// noAnswer says what became of a request without an answer.
func (c *Client) noAnswer(ctx context.Context, err error) error {
	const open = "what was asked for may or may not have been done"
	operation, _ := errors.AsType[*net.OpError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	var timing interface{ Timeout() bool }
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("given up before %s answered; %s", c.base, open)
	case untrusted, operation != nil && operation.Op == "dial":
		return &UnreachableError{Server: c.base, cause: err}
	case errors.As(err, &timing) && timing.Timeout():
		return fmt.Errorf("%s did not answer within %s; %s", c.base, c.http.Timeout, open)
	}
	return fmt.Errorf("the exchange with %s broke off: %w; %s", c.base, innermost(err), open)
}

// innermost is the part of a network error that says what happened, without
// the address and the method that the outer ones repeat.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
