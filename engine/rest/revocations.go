package rest

import (
	"bytes"
	"context"

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
	return answerRevocation(ctx, q, s.engine.Revoke)
}

func (q *request) checkWait() error {
	if wait := q.query["wait"]; len(wait) > 0 && wait[0] != "enforced" {
		return engine.Errorf(engine.CodeInvalid, "wait=%s is unknown: use wait=enforced, or leave it out", clip(wait[0])).InField("wait")
	}
	return nil
}

func (s *Server) recheck(ctx context.Context, q *request) (reply, error) {
	return answerRevocation(ctx, q, s.engine.Recheck)
}

// revocation is a use case that may end the life of credentials.
type revocation func(context.Context, engine.Caller, engine.ApplicationID, engine.CredentialsID) (engine.Revocation, error)

func answerRevocation(ctx context.Context, q *request, do revocation) (reply, error) {
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
	return reply{body: revocationOf(done), version: done.Credentials.Version}, nil
}

// nothing accepts a body that says nothing: none, or {}.
func (q *request) nothing() error {
	if len(bytes.TrimSpace(q.body())) == 0 {
		return nil
	}
	_, err := decode[struct{}](q.body())
	return err
}
