package rest

import (
	"context"
	"time"

	"github.com/credence-engine/credence/engine"
)

// auditSince is how far back the audit goes when it is not said.
const auditSince = 24 * time.Hour

// auditBody is an entry of the audit as JSON.
type auditBody struct {
	Operation       string               `json:"operation"`
	At              time.Time            `json:"at"`
	Tenant          engine.TenantID      `json:"tenant,omitzero"`
	User            engine.UserName      `json:"user,omitzero"`
	RequestID       string               `json:"requestId,omitzero"`
	Action          string               `json:"action"`
	Application     engine.ApplicationID `json:"application,omitzero"`
	Target          string               `json:"target,omitzero"`
	EndpointID      engine.EndpointID    `json:"endpointId,omitzero"`
	SessionID       engine.SessionID     `json:"sessionId,omitzero"`
	Cause           string               `json:"cause,omitzero"`
	ResourceVersion engine.Revision      `json:"resourceVersion"`
}

func auditOf(a engine.AuditEntry) auditBody {
	return auditBody{
		Operation: a.Operation, At: a.At, Tenant: a.Tenant, User: a.User, RequestID: a.RequestID, Action: a.Action,
		Application: a.Application, Target: a.Target, EndpointID: a.Endpoint, SessionID: a.Session, Cause: a.Cause,
		ResourceVersion: a.Version,
	}
}

func (s *Server) listAudit(ctx context.Context, q *request) (reply, error) {
	since, err := q.since(time.Now())
	if err != nil {
		return reply{}, err
	}
	o, err := q.listOptions()
	if err != nil {
		return reply{}, err
	}
	entries, err := s.engine.Audit(ctx, scopeOf(q.user), since, o)
	return listing(q, entries, auditOf), err
}

// since reads ?since, a moment.
func (q *request) since(now time.Time) (time.Time, error) {
	given := q.query["since"]
	if len(given) == 0 {
		return now.Add(-auditSince), nil
	}
	t, err := time.Parse(time.RFC3339, given[0])
	if err != nil || len(given) > 1 {
		return t, engine.Errorf(engine.CodeInvalid, "since must be one moment such as 2026-01-31T12:00:00Z (RFC 3339)").InField("since")
	}
	return t, nil
}
