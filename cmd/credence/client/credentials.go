package client

import (
	"context"
	"net/http"
	"time"
)

// Credentials are what an endpoint connects with.
type Credentials struct {
	ID                 string            `json:"id"`
	Body               []byte            `json:"body"`
	Status             string            `json:"status"`
	CredentialsService string            `json:"credentialsService"`
	EndpointID         string            `json:"endpointId"`
	Validity           Validity          `json:"validity"`
	Labels             map[string]string `json:"labels"`
	CreatedAt          time.Time         `json:"createdAt"`
	UpdatedAt          time.Time         `json:"updatedAt"`
	ResourceVersion    int64             `json:"resourceVersion"`
}

// Validity bounds the time in which credentials are accepted; a zero time is
// no bound.
type Validity struct {
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
}

// ProvisionRequest registers credentials. Without an ID the application's
// scheme gives one.
type ProvisionRequest struct {
	ID     string            `json:"id,omitempty"`
	Body   []byte            `json:"body"`
	Labels map[string]string `json:"labels,omitempty"`
}

// CredentialsPatch changes what it names: a label without a value is removed,
// and so is a bound that is present without a time.
type CredentialsPatch struct {
	Labels   map[string]*string    `json:"labels,omitempty"`
	Validity map[string]*time.Time `json:"validity,omitempty"`
}

// Revocation answers a revocation: the credentials, and how far it has come.
type Revocation struct {
	Credentials
	Enforcement Enforcement `json:"enforcement"`
}

// Enforcement is the receipt for what took rights away at a revision.
type Enforcement struct {
	State    string            `json:"state"`
	Revision int64             `json:"revision"`
	Nodes    []NodeEnforcement `json:"nodes"`
	Notice   string            `json:"notice"` // PENDING while a module has not been told
	URL      string            `json:"url"`    // where to ask again
}

// NodeEnforcement is how far one node has come.
type NodeEnforcement struct {
	ID       string `json:"id"`
	State    string `json:"state"`
	Revision int64  `json:"revision"`
}

// CredentialsFilter chooses credentials; what is empty chooses all.
type CredentialsFilter struct {
	Status string
	Labels []string // key=value
}

// Provision registers credentials.
func (c *Client) Provision(ctx context.Context, app string, r ProvisionRequest) (Answer[Credentials], error) {
	return call[Credentials](ctx, c, request{method: http.MethodPost, path: credentialsPath(app), body: r})
}

// ListCredentials lists the credentials of an application; a limit of 0 lists
// all that the filter chooses.
func (c *Client) ListCredentials(ctx context.Context, app string, f CredentialsFilter, limit uint) (Answer[[]Credentials], error) {
	query := paged()
	if f.Status != "" {
		query.Set("status", f.Status)
	}
	for _, label := range f.Labels {
		query.Add("label", label)
	}
	return list[Credentials](ctx, c, credentialsPath(app), query, limit)
}

// Credentials returns one entry.
func (c *Client) Credentials(ctx context.Context, app, id string) (Answer[Credentials], error) {
	return call[Credentials](ctx, c, request{method: http.MethodGet, path: credentialsPath(app, id)})
}

// UpdateCredentials changes labels and validity.
func (c *Client) UpdateCredentials(ctx context.Context, app, id string, patch CredentialsPatch) (Answer[Credentials], error) {
	return call[Credentials](ctx, c, request{method: http.MethodPatch, path: credentialsPath(app, id), body: patch})
}

// Revoke refuses credentials for good. A wait of "enforced" asks the server to
// answer when no node accepts them any more.
func (c *Client) Revoke(ctx context.Context, app, id, wait string) (Answer[Revocation], error) {
	return call[Revocation](ctx, c, request{method: http.MethodPost, path: credentialsPath(app, id, "revoke"), query: waiting(wait)})
}

// Enforcement tells how far the revocation of credentials has come. A wait of
// "enforced" asks the server to answer when no node accepts them any more, or
// when the request's time runs out.
func (c *Client) Enforcement(ctx context.Context, app, id, wait string) (Answer[Enforcement], error) {
	return call[Enforcement](ctx, c, request{method: http.MethodGet, path: credentialsPath(app, id, "enforcement"), query: waiting(wait)})
}

// Recheck makes the server ask the credentials service again, and revoke if
// the service says so.
func (c *Client) Recheck(ctx context.Context, app, id string) (Answer[Revocation], error) {
	return call[Revocation](ctx, c, request{method: http.MethodPost, path: credentialsPath(app, id, "recheck")})
}

func credentialsPath(app string, more ...string) string {
	return at(append([]string{"v1", "applications", app, "credentials"}, more...)...)
}
