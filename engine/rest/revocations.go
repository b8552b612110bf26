package rest

import (
	"bytes"
	"context"
	"net/http"
	"strconv"

	"github.com/credence-engine/credence/engine"
)

// revocationBody is credentials with the receipt of their revocation, if they
// are revoked.
type revocationBody struct {
	credentialsBody
	Enforcement *enforcementBody `json:"enforcement,omitzero"`
}

type enforcementBody struct {
	State    engine.EnforcementState `json:"state"`
	Revision engine.Revision         `json:"revision"`
	Nodes    []nodeBody              `json:"nodes"`
	Notice   engine.EnforcementState `json:"notice,omitzero"` // PENDING: the module has not been told yet
	URL      string                  `json:"url"`             // where to ask again
}

// nodeBody is how far one node has come.
type nodeBody struct {
	ID       engine.NodeID           `json:"id"`
	State    engine.EnforcementState `json:"state"`
	Revision engine.Revision         `json:"revision"`
}

func revocationOf(r engine.Revocation) revocationBody {
	body := revocationBody{credentialsBody: credentialsOf(r.Credentials)}
	if r.Enforcement.State != "" {
		body.Enforcement = enforcementOf(r.Enforcement)
	}
	return body
}

func enforcementOf(e engine.Enforcement) *enforcementBody {
	body := &enforcementBody{State: e.State, Revision: e.Revision, Nodes: make([]nodeBody, len(e.Nodes)), Notice: e.Notice}
	for i, n := range e.Nodes {
		body.Nodes[i] = nodeBody{ID: n.ID, State: n.State, Revision: n.Revision}
	}
	return body
}

func (s *Server) revoke(ctx context.Context, q *request) (reply, error) {
	if err := q.checkWait(); err != nil {
		return reply{}, err
	}
	return s.answerRevocation(ctx, q, s.engine.Revoke)
}

// enforcement tells how far a revocation has come.
func (s *Server) enforcement(ctx context.Context, q *request) (reply, error) {
	if err := q.checkWait(); err != nil {
		return reply{}, err
	}
	app, id, err := q.credentials()
	if err != nil {
		return reply{}, err
	}
	receipt, err := s.engine.Enforcement(ctx, q.caller, app, id)
	if err != nil {
		return reply{}, err
	}
	receipt, status := s.await(ctx, q, receipt)
	body := enforcementOf(receipt)
	body.URL = enforcementPath(app, id)
	return reply{status: status, body: body}, nil
}

// enforcementAt tells how far the nodes have come that something at a revision
// took rights away from, such as the end of sessions.
func (s *Server) enforcementAt(ctx context.Context, q *request) (reply, error) {
	if err := q.checkWait(); err != nil {
		return reply{}, err
	}
	app, err := q.application()
	if err != nil {
		return reply{}, err
	}
	text, err := q.segment("revision")
	if err != nil {
		return reply{}, err
	}
	at, err := strconv.ParseInt(text, 10, 64)
	if err != nil || at < 1 {
		return reply{}, engine.Errorf(engine.CodeNotFound, "%s is no revision: give the one of a receipt", clip(text))
	}
	receipt, err := s.engine.EnforcementAt(ctx, q.caller, app, engine.Revision(at))
	if err != nil {
		return reply{}, err
	}
	receipt, status := s.await(ctx, q, receipt)
	body := enforcementOf(receipt)
	body.URL = enforcementAtPath(app, receipt.Revision)
	return reply{status: status, body: body}, nil
}

func enforcementPath(app engine.ApplicationID, id engine.CredentialsID) string {
	return pathOf("v1", "applications", string(app), "credentials", string(id), "enforcement")
}

func enforcementAtPath(app engine.ApplicationID, at engine.Revision) string {
	return pathOf("v1", "applications", string(app), "enforcements", strconv.FormatInt(int64(at), 10))
}

// await waits for the nodes if the request asks for that, and leaves some of
// its time for the answer. One that ran out is 202: accepted, and not yet done.
func (s *Server) await(ctx context.Context, q *request, receipt engine.Enforcement) (engine.Enforcement, int) {
	if len(q.query["wait"]) == 0 || receipt.State != engine.Pending {
		return receipt, http.StatusOK
	}
	waiting, cancel := context.WithTimeout(ctx, s.options.RequestTimeout*9/10)
	defer cancel()
	if receipt = s.engine.AwaitEnforced(waiting, receipt); receipt.State == engine.Pending {
		return receipt, http.StatusAccepted
	}
	return receipt, http.StatusOK
}

func (q *request) checkWait() error {
	if wait := q.query["wait"]; len(wait) > 0 && wait[0] != "enforced" {
		return engine.Errorf(engine.CodeInvalid, "wait=%s is unknown: use wait=enforced, or leave it out", clip(wait[0])).InField("wait")
	}
	return nil
}

func (s *Server) recheck(ctx context.Context, q *request) (reply, error) {
	return s.answerRevocation(ctx, q, s.engine.Recheck)
}

// revocation is a use case that may end the life of credentials.
type revocation func(context.Context, engine.Caller, engine.ApplicationID, engine.CredentialsID) (engine.Revocation, error)

func (s *Server) answerRevocation(ctx context.Context, q *request, do revocation) (reply, error) {
	app, id, err := q.credentials()
	if err != nil {
		return reply{}, err
	}
	if err := q.nothing(); err != nil {
		return reply{}, err
	}
	done, err := do(ctx, q.caller, app, id)
	if err != nil {
		return reply{}, err
	}
	answer := reply{version: done.Credentials.Version}
	done.Enforcement, answer.status = s.await(ctx, q, done.Enforcement)
	body := revocationOf(done)
	if body.Enforcement != nil {
		body.Enforcement.URL = enforcementPath(app, id)
		answer.location = body.Enforcement.URL
	}
	answer.body = body
	return answer, nil
}

// nothing accepts a body that says nothing: none, or {}.
func (q *request) nothing() error {
	if len(bytes.TrimSpace(q.body())) == 0 {
		return nil
	}
	_, err := decode[struct{}](q.body())
	return err
}
