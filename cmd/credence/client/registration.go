package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Registration binds credentials to the endpoint that uses them, and to the
// profile that an administrator gave it.
type Registration struct {
	CredentialsID   string          `json:"credentialsId"`
	EndpointID      string          `json:"endpointId"`
	ProfileVersion  int32           `json:"profileVersion"`
	Profile         json.RawMessage `json:"profile"`
	CreatedAt       time.Time       `json:"createdAt"`
	UpdatedAt       time.Time       `json:"updatedAt"`
	ResourceVersion int64           `json:"resourceVersion"`
}

// Profile is what an administrator knows of an endpoint.
type Profile struct {
	ProfileVersion int32           `json:"profileVersion"`
	Profile        json.RawMessage `json:"profile"`
}

// BindRegistration binds a profile to credentials.
func (c *Client) BindRegistration(ctx context.Context, app, id string, p Profile) (Answer[Registration], error) {
	return call[Registration](ctx, c, request{method: http.MethodPut, path: credentialsPath(app, id, "registration"), body: p})
}

// Registration returns the registration of credentials.
func (c *Client) Registration(ctx context.Context, app, id string) (Answer[Registration], error) {
	return call[Registration](ctx, c, request{method: http.MethodGet, path: credentialsPath(app, id, "registration")})
}

// DeleteRegistration removes the registration of credentials.
func (c *Client) DeleteRegistration(ctx context.Context, app, id string) error {
	_, _, err := c.send(ctx, request{method: http.MethodDelete, path: credentialsPath(app, id, "registration")})
	return err
}
