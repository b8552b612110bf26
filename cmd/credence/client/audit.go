package client

import (
	"context"
	"time"
)

// AuditEntry says who did what.
type AuditEntry struct {
	Operation       string    `json:"operation"`
	At              time.Time `json:"at"`
	Tenant          string    `json:"tenant"`
	User            string    `json:"user"`
	RequestID       string    `json:"requestId"`
	Action          string    `json:"action"`
	Application     string    `json:"application"`
	Target          string    `json:"target"`
	EndpointID      string    `json:"endpointId"`
	SessionID       string    `json:"sessionId"`
	Cause           string    `json:"cause"`
	ResourceVersion int64     `json:"resourceVersion"`
}

// AuditFilter chooses entries. What is empty chooses all.
type AuditFilter struct {
	Since                     time.Time // zero: the server's default, a day ago
	Application, Action, User string
}

// Audit lists entries in the order of time: all of them, or the first ones when
// limit is not 0.
func (c *Client) Audit(ctx context.Context, f AuditFilter, limit uint) (Answer[[]AuditEntry], error) {
	query := paged()
	for name, value := range map[string]string{"application": f.Application, "action": f.Action, "user": f.User} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if !f.Since.IsZero() {
		query.Set("since", f.Since.UTC().Format(time.RFC3339))
	}
	return list[AuditEntry](ctx, c, at("v1", "audit"), query, limit)
}
