//go:build linux

package robustness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest/invariant"
)

type object = map[string]any

// answer is a response, read.
type answer struct {
	status int
	body   struct {
		ID          string // of an application, or of credentials
		Code        string // of a problem
		Detail      string
		Decision    string
		Reason      string
		Status      any // of credentials, or of HTTP
		EndpointID  engine.EndpointID
		Credentials struct {
			EndpointID engine.EndpointID
		}
		Enforcement struct {
			State    string
			Revision engine.Revision
		}
		Session struct {
			ID    string
			Token string
		}
		Active          bool
		ResourceVersion engine.Revision
	}
	text []byte
}

// errNotSent is why a request surely had no effect.
var errNotSent = errors.New("not sent")

// lines is a body of lines of JSON.
type lines []byte

// call sends a request to the node.
func (n *node) call(ctx context.Context, method, path string, body any) (answer, error) {
	text, kind := []byte(nil), "application/json"
	switch body := body.(type) {
	case nil:
	case lines:
		text, kind = body, "application/x-ndjson"
	default:
		var err error
		if text, err = json.Marshal(body); err != nil {
			return answer{}, err
		}
	}
	base := n.url.Load().(string)
	if base == "" {
		return answer{}, errNotSent
	}
	request, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		request.Header.Set("Content-Type", kind)
	}
	request.SetBasicAuth("admin", password)
	response, err := n.client.Do(request)
	if err != nil {
		if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
			return answer{}, errors.Join(errNotSent, err)
		}
		return answer{}, err
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode}
	if a.text, err = io.ReadAll(response.Body); err != nil {
		return answer{}, err
	}
	if kind := response.Header.Get("Content-Type"); kind == "application/json" || kind == "application/problem+json" {
		err = json.Unmarshal(a.text, &a.body)
	}
	return a, err
}

// client sends what it is told to, and writes down what it sees.
type client struct {
	id       int
	recorder *invariant.Recorder
}

// do sends the request of an operation to a node and writes down the answer,
// which tell reads when it is a decision. The operation comes back as written.
func (c client) do(ctx context.Context, n *node, op invariant.Op, method, path string, body any, tell func(answer, *invariant.Op)) invariant.Op {
	op.Client, op.Node = c.id, n.name
	call := c.recorder.Invoke(op)
	a, err := n.call(ctx, method, path, body)
	c.recorder.Return(call, func(o *invariant.Op) {
		note(o, a, err, tell)
		op = *o
	})
	return op
}

// reasonOf is why there was no answer, without what differs each time.
func reasonOf(err error) string {
	if os.IsTimeout(err) {
		return "time-out"
	}
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err.Error()
}

// note writes down an answer, or why there is none.
func note(o *invariant.Op, a answer, err error, tell func(answer, *invariant.Op)) {
	switch {
	case errors.Is(err, errNotSent):
		o.Outcome, o.Detail = invariant.Failed, "not sent"
	case err != nil:
		o.Detail = "no answer: " + reasonOf(err)
	case a.status >= http.StatusInternalServerError || a.status == http.StatusTooManyRequests:
		o.Detail = fmt.Sprint(a.status, " ", a.body.Code)
	default:
		tell(a, o)
		if o.Outcome == invariant.Unknown && o.Detail == "" {
			o.Detail = fmt.Sprintf("unexpected: %d %s", a.status, a.text)
		}
	}
}

func appPath(app engine.ApplicationID) string { return "/v1/applications/" + string(app) }

func credPath(c *credential) string {
	return appPath(c.app) + "/credentials/" + url.PathEscape(string(c.id))
}

func (c client) provision(ctx context.Context, n *node, cred *credential) {
	op := invariant.Op{Kind: invariant.Provision, App: cred.app, Credentials: cred.id}
	body := object{"id": cred.id, "body": []byte(cred.id)}
	c.do(ctx, n, op, http.MethodPost, appPath(cred.app)+"/credentials", body, func(a answer, o *invariant.Op) {
		switch a.status {
		case http.StatusCreated, http.StatusOK:
			o.Outcome, o.Created, o.Revision = invariant.Done, a.status == http.StatusCreated, a.body.ResourceVersion
		case http.StatusConflict:
			o.Outcome = invariant.Refused
		}
	})
}

// importLine answers one line of an import.
type importLine struct {
	Result, Code    string
	ResourceVersion engine.Revision
}

// imports provisions credentials of one application with one request, and
// writes down each.
func (c client) imports(ctx context.Context, n *node, creds []*credential) {
	var body bytes.Buffer
	calls := make([]int, len(creds))
	encoder := json.NewEncoder(&body)
	for i, cred := range creds {
		_ = encoder.Encode(object{"id": cred.id, "body": []byte(cred.id)}) // a buffer takes it
		calls[i] = c.recorder.Invoke(invariant.Op{
			Kind: invariant.Provision, Client: c.id, Node: n.name, App: cred.app, Credentials: cred.id,
		})
	}
	a, err := n.call(ctx, http.MethodPost, appPath(creds[0].app)+"/credentials/import", lines(body.Bytes()))
	decoder := json.NewDecoder(bytes.NewReader(a.text))
	for _, call := range calls {
		var line importLine
		if err == nil && a.status == http.StatusOK {
			err = decoder.Decode(&line)
		}
		c.recorder.Return(call, func(o *invariant.Op) { note(o, a, err, line.tell) })
	}
}

func (l importLine) tell(_ answer, o *invariant.Op) {
	switch {
	case l.Result == "CREATED" || l.Result == "UNCHANGED":
		o.Outcome, o.Created, o.Revision = invariant.Done, l.Result == "CREATED", l.ResourceVersion
	case l.Code == string(engine.CodeConflict):
		o.Outcome = invariant.Refused
	case l.Code != "":
		o.Detail = "import: " + l.Code
	}
}

// statusOf is what a reason tells of credentials.
var statusOf = map[string]engine.Status{
	string(engine.ReasonNotFound): invariant.Absent,
	string(engine.ReasonRevoked):  engine.Revoked,
	string(engine.ReasonInUse):    engine.InUse,
}

func (c client) verify(ctx context.Context, n *node, cred *credential, endpoint engine.EndpointID, at engine.Consistency) invariant.Op {
	return c.ask(ctx, n, cred, endpoint, at, object{}, func(answer) {})
}

// open verifies strictly and asks for a session, which is nil when there is
// none.
func (c client) open(ctx context.Context, n *node, cred *credential, endpoint engine.EndpointID) (opened *session) {
	wanted := object{"session": object{"ttlSeconds": 3600}}
	c.ask(ctx, n, cred, endpoint, engine.Strict, wanted, func(a answer) {
		if got := a.body.Session; got.ID != "" {
			opened = &session{cred: cred, endpoint: endpoint, id: got.ID, token: got.Token}
		}
	})
	return opened
}

// ask sends a verification with what else is wanted, and hands out the answer.
func (c client) ask(ctx context.Context, n *node, cred *credential, endpoint engine.EndpointID, at engine.Consistency, body object, see func(answer)) invariant.Op {
	op := invariant.Op{Kind: invariant.Verify, App: cred.app, Credentials: cred.id, Endpoint: endpoint, Consistency: at}
	maps.Copy(body, object{"credentialsId": cred.id, "endpointId": endpoint, "consistency": nameOf(at)})
	return c.do(ctx, n, op, http.MethodPost, appPath(cred.app)+"/verify", body, func(a answer, o *invariant.Op) {
		if a.status != http.StatusOK {
			return
		}
		o.Revision = a.body.ResourceVersion
		if status, known := statusOf[a.body.Reason]; known {
			o.Outcome, o.Status, o.Owner = invariant.Done, status, a.body.Credentials.EndpointID
		}
		if a.body.Decision == "ACCEPTED" {
			o.Outcome, o.Accepted, o.Session = invariant.Done, true, a.body.Session.ID
		}
		see(a)
	})
}

func nameOf(c engine.Consistency) string {
	switch c.Mode {
	case engine.ModeBounded:
		return fmt.Sprint("bounded=", c.MaxAge.Milliseconds())
	case engine.ModeAtLeast:
		return fmt.Sprint("at-least=", c.Revision)
	default:
		return "strict"
	}
}

func (c client) get(ctx context.Context, n *node, cred *credential) invariant.Op {
	op := invariant.Op{Kind: invariant.Get, App: cred.app, Credentials: cred.id}
	return c.do(ctx, n, op, http.MethodGet, credPath(cred), nil, func(a answer, o *invariant.Op) {
		switch a.status {
		case http.StatusOK:
			status, _ := a.body.Status.(string)
			o.Outcome, o.Status = invariant.Done, engine.Status(status)
			o.Owner, o.Revision = a.body.EndpointID, a.body.ResourceVersion
		case http.StatusNotFound:
			o.Outcome, o.Status = invariant.Done, invariant.Absent
		}
	})
}

// receiptPath asks for an answer that comes with the receipt, if wait says so.
func receiptPath(path string, wait bool) string {
	if wait {
		return path + "?wait=enforced"
	}
	return path
}

// tellEnded reads the answer to what takes rights away.
func tellEnded(a answer, o *invariant.Op) {
	switch a.status {
	case http.StatusOK, http.StatusAccepted:
		o.Outcome, o.Revision = invariant.Done, a.body.Enforcement.Revision
		o.Enforced = a.body.Enforcement.State == string(engine.Enforced)
		o.Detail = a.body.Enforcement.State
	case http.StatusNotFound:
		o.Outcome = invariant.Refused
	}
}

func (c client) revoke(ctx context.Context, n *node, cred *credential, wait bool) invariant.Op {
	op := invariant.Op{Kind: invariant.Revoke, App: cred.app, Credentials: cred.id}
	return c.do(ctx, n, op, http.MethodPost, receiptPath(credPath(cred)+"/revoke", wait), nil, tellEnded)
}

func (c client) introspect(ctx context.Context, n *node, s *session, at engine.Consistency) {
	op := invariant.Op{
		Kind: invariant.Introspect, App: s.cred.app, Credentials: s.cred.id, Endpoint: s.endpoint, Session: s.id, Consistency: at,
	}
	body := object{"token": s.token, "consistency": nameOf(at)}
	c.do(ctx, n, op, http.MethodPost, appPath(s.cred.app)+"/sessions/introspect", body, func(a answer, o *invariant.Op) {
		if a.status == http.StatusOK {
			o.Outcome, o.Active, o.Revision, o.Detail = invariant.Done, a.body.Active, a.body.ResourceVersion, a.body.Reason
		}
	})
}

func (c client) endSession(ctx context.Context, n *node, s *session, wait bool) {
	op := invariant.Op{Kind: invariant.EndSession, App: s.cred.app, Session: s.id}
	c.do(ctx, n, op, http.MethodDelete, receiptPath(appPath(s.cred.app)+"/sessions/"+s.id, wait), nil, tellEnded)
}

func (c client) endSessions(ctx context.Context, n *node, s *session, wait bool) {
	op := invariant.Op{Kind: invariant.EndEndpoint, App: s.cred.app, Endpoint: s.endpoint}
	path := appPath(s.cred.app) + "/endpoints/" + url.PathEscape(string(s.endpoint)) + "/sessions"
	c.do(ctx, n, op, http.MethodDelete, receiptPath(path, wait), nil, tellEnded)
}
