package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"time"
)

// Application is a set of endpoints that are judged by one credentials service.
type Application struct {
	ID                 string          `json:"id"`
	Token              string          `json:"token"`
	Name               string          `json:"name"`
	Tenant             string          `json:"tenant"`
	CredentialsService string          `json:"credentialsService"`
	ServiceConfig      json.RawMessage `json:"serviceConfig"`
	IDScheme           string          `json:"idScheme"`
	CreatedAt          time.Time       `json:"createdAt"`
	UpdatedAt          time.Time       `json:"updatedAt"`
	ResourceVersion    int64           `json:"resourceVersion"`
}

// ApplicationSpec describes a new application. Only Name is required.
type ApplicationSpec struct {
	Name               string          `json:"name"`
	CredentialsService string          `json:"credentialsService,omitempty"`
	ServiceConfig      json.RawMessage `json:"serviceConfig,omitempty"`
	IDScheme           string          `json:"idScheme,omitempty"`
}

// ApplicationPatch changes what it names.
type ApplicationPatch struct {
	Name               *string         `json:"name,omitempty"`
	CredentialsService *string         `json:"credentialsService,omitempty"`
	ServiceConfig      json.RawMessage `json:"serviceConfig,omitempty"`
}

// CreateApplication makes an application.
func (c *Client) CreateApplication(ctx context.Context, spec ApplicationSpec) (Answer[Application], error) {
	return call[Application](ctx, c, request{method: http.MethodPost, path: at("v1", "applications"), body: spec})
}

// Applications lists applications; a limit of 0 lists all.
func (c *Client) Applications(ctx context.Context, limit int) (Answer[[]Application], error) {
	return list[Application](ctx, c, at("v1", "applications"), paged(), limit)
}

// Application returns one application by its id.
func (c *Client) Application(ctx context.Context, id string) (Answer[Application], error) {
	return call[Application](ctx, c, request{method: http.MethodGet, path: at("v1", "applications", id)})
}

var applicationID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// FindApplication returns an application by its id or its name.
func (c *Client) FindApplication(ctx context.Context, idOrName string) (Answer[Application], error) {
	if applicationID.MatchString(idOrName) {
		return c.Application(ctx, idOrName)
	}
	query := paged()
	query.Set("name", idOrName)
	found, err := list[Application](ctx, c, at("v1", "applications"), query, 1)
	if err != nil {
		return Answer[Application]{}, err
	}
	if len(found.Value) == 0 {
		return Answer[Application]{}, fmt.Errorf("there is no application named %q: see those that exist with credence app list", idOrName)
	}
	return c.Application(ctx, found.Value[0].ID)
}

// UpdateApplication applies a patch to the application with this id.
func (c *Client) UpdateApplication(ctx context.Context, id string, patch ApplicationPatch) (Answer[Application], error) {
	return call[Application](ctx, c, request{method: http.MethodPatch, path: at("v1", "applications", id), body: patch})
}

// DeleteApplication removes the application with this id, with its credentials.
func (c *Client) DeleteApplication(ctx context.Context, id string) error {
	_, _, err := c.send(ctx, request{method: http.MethodDelete, path: at("v1", "applications", id)})
	return err
}
