package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Service is a credentials service: built in, or a module with its settings.
type Service struct {
	Name            string          `json:"name"`
	Kind            string          `json:"kind"`
	Module          string          `json:"module"`
	Revision        int             `json:"revision"`
	Config          json.RawMessage `json:"config"`
	Grants          json.RawMessage `json:"grants"`
	Limits          json.RawMessage `json:"limits"`
	Description     string          `json:"description"`
	DeployedAt      time.Time       `json:"deployedAt"`
	DeployedBy      string          `json:"deployedBy"`
	QuarantinedAt   time.Time       `json:"quarantinedAt"`
	Health          *ServiceHealth  `json:"health"`
	ResourceVersion int64           `json:"resourceVersion"`
	// Nodes are in the answer to a deployment only.
	Nodes []NodeReport `json:"nodes"`
}

// ServiceHealth is how a custom service fares on the node that answered.
type ServiceHealth struct {
	State  string    `json:"state"`
	Since  time.Time `json:"since"`
	Faults int       `json:"faults"`
}

// ServiceSpec says what to deploy. Only Module is required.
type ServiceSpec struct {
	Module      string          `json:"module"`
	Config      json.RawMessage `json:"config,omitempty"`
	Grants      json.RawMessage `json:"grants,omitempty"`
	Limits      json.RawMessage `json:"limits,omitempty"`
	Description string          `json:"description,omitempty"`
}

// Services lists all credentials services by name.
func (c *Client) Services(ctx context.Context) (Answer[[]Service], error) {
	return list[Service](ctx, c, servicePath(), url.Values{}, 0)
}

// Service returns one credentials service.
func (c *Client) Service(ctx context.Context, name string) (Answer[Service], error) {
	return call[Service](ctx, c, request{method: http.MethodGet, path: servicePath(name)})
}

// DeployOptions change how a service is deployed.
type DeployOptions struct {
	// ValidateOnly checks everything and changes nothing.
	ValidateOnly bool
	// Force deploys although some node cannot run the module.
	Force bool
}

func (o DeployOptions) query() url.Values {
	query := url.Values{}
	for name, given := range map[string]bool{"validateOnly": o.ValidateOnly, "force": o.Force} {
		if given {
			query.Set(name, "true")
		}
	}
	return query
}

// Deploy makes a module the credentials service of that name.
func (c *Client) Deploy(ctx context.Context, name string, spec ServiceSpec, o DeployOptions) (Answer[Service], error) {
	return call[Service](ctx, c, request{method: http.MethodPut, path: servicePath(name), query: o.query(), body: spec})
}

// ServiceRevisions lists the kept revisions of a credentials service.
func (c *Client) ServiceRevisions(ctx context.Context, name string) (Answer[[]Service], error) {
	return list[Service](ctx, c, servicePath(name, "revisions"), url.Values{}, 0)
}

// Rollback deploys an earlier revision again; 0 is the one before the present.
func (c *Client) Rollback(ctx context.Context, name string, revision int, force bool) (Answer[Service], error) {
	body := struct {
		Revision int `json:"revision,omitempty"`
	}{revision}
	return call[Service](ctx, c, request{method: http.MethodPost, path: servicePath(name, "rollback"), query: DeployOptions{Force: force}.query(), body: body})
}

// DeleteService removes a credentials service that no application uses.
func (c *Client) DeleteService(ctx context.Context, name string) error {
	_, _, err := c.send(ctx, request{method: http.MethodDelete, path: servicePath(name)})
	return err
}

func servicePath(more ...string) string {
	return at(append([]string{"v1", "credentials-services"}, more...)...)
}
