package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// SessionRequest asks for a session with a verification.
type SessionRequest struct {
	TTLSeconds int64 `json:"ttlSeconds"`
}

// OpenedSession is a session with the token that stands for it.
type OpenedSession struct {
	ID        string    `json:"id"`
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// Session is what an accepted endpoint holds.
type Session struct {
	ID              string    `json:"id"`
	CredentialsID   string    `json:"credentialsId"`
	EndpointID      string    `json:"endpointId"`
	CreatedAt       time.Time `json:"createdAt"`
	ExpiresAt       time.Time `json:"expiresAt"`
	OpenedBy        string    `json:"openedBy"`
	Node            string    `json:"node"`
	ResourceVersion int64     `json:"resourceVersion"`
}

// SessionFilter keeps the sessions of credentials, or of an endpoint; empty
// members keep all.
type SessionFilter struct{ CredentialsID, EndpointID string }

// Introspection is the judgement of a token.
type Introspection struct {
	Active          bool     `json:"active"`
	Reason          string   `json:"reason"`
	Detail          string   `json:"detail"`
	Session         *Session `json:"session"`
	Consistency     string   `json:"consistency"`
	ResourceVersion int64    `json:"resourceVersion"`
}

// Ended answers what has ended sessions.
type Ended struct {
	Enforcement Enforcement `json:"enforcement"`
}

// Sessions lists open sessions; a limit of 0 lists all.
func (c *Client) Sessions(ctx context.Context, app string, f SessionFilter, limit uint) (Answer[[]Session], error) {
	query := paged()
	if f.CredentialsID != "" {
		query.Set("credentialsId", f.CredentialsID)
	}
	if f.EndpointID != "" {
		query.Set("endpointId", f.EndpointID)
	}
	return list[Session](ctx, c, at("v1", "applications", app, "sessions"), query, limit)
}

// Session returns an open session.
func (c *Client) Session(ctx context.Context, app, id string) (Answer[Session], error) {
	return call[Session](ctx, c, request{method: http.MethodGet, path: at("v1", "applications", app, "sessions", id)})
}

// EndSession ends one session. wait is empty, or "enforced" to have the answer
// when no node holds it any more.
func (c *Client) EndSession(ctx context.Context, app, id, wait string) (Answer[Ended], error) {
	return call[Ended](ctx, c, request{method: http.MethodDelete, path: at("v1", "applications", app, "sessions", id), query: waiting(wait)})
}

// EndSessions ends all sessions of an endpoint; wait is as for EndSession.
func (c *Client) EndSessions(ctx context.Context, app, endpoint, wait string) (Answer[Ended], error) {
	return call[Ended](ctx, c, request{method: http.MethodDelete, path: at("v1", "applications", app, "endpoints", endpoint, "sessions"), query: waiting(wait)})
}

func waiting(wait string) url.Values {
	query := url.Values{}
	if wait != "" {
		query.Set("wait", wait)
	}
	return query
}

// Introspect judges a token. Consistency is as in VerifyRequest.
func (c *Client) Introspect(ctx context.Context, app, token, consistency string) (Answer[Introspection], error) {
	body := struct {
		Token       string `json:"token"`
		Consistency string `json:"consistency,omitempty"`
	}{token, consistency}
	return call[Introspection](ctx, c, request{method: http.MethodPost, path: at("v1", "applications", app, "sessions", "introspect"), body: body})
}
