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
	ProofPolicy        string          `json:"proofPolicy"`
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
	ProofPolicy        string          `json:"proofPolicy,omitempty"`
}

// ApplicationPatch changes what it names.
type ApplicationPatch struct {
	Name               *string         `json:"name,omitempty"`
	CredentialsService *string         `json:"credentialsService,omitempty"`
	ServiceConfig      json.RawMessage `json:"serviceConfig,omitempty"`
	ProofPolicy        *string         `json:"proofPolicy,omitempty"`
}

// CreateApplication makes an application.
func (c *Client) CreateApplication(ctx context.Context, spec ApplicationSpec) (Answer[Application], error) {
	return call[Application](ctx, c, request{method: http.MethodPost, path: at("v1", "applications"), body: spec})
}

// Applications lists applications; a limit of 0 lists all.
func (c *Client) Applications(ctx context.Context, limit uint) (Answer[[]Application], error) {
	return list[Application](ctx, c, at("v1", "applications"), paged(), limit)
}

// Application returns one application by its id.
func (c *Client) Application(ctx context.Context, id string) (Answer[Application], error) {
	return call[Application](ctx, c, request{method: http.MethodGet, path: at("v1", "applications", id)})
}

// applicationIDForm is that of a UUID. What looks like one is never taken for a
// name.
var applicationIDForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// ApplicationID returns the id of an application that is given by its name or
// by its id. An id is returned as it is, without asking.
func (c *Client) ApplicationID(ctx context.Context, idOrName string) (string, error) {
	if applicationIDForm.MatchString(idOrName) {
		return idOrName, nil
	}
	query := paged()
	query.Set("name", idOrName)
	found, err := list[Application](ctx, c, at("v1", "applications"), query, 1)
	if err != nil {
		return "", err
	}
	if len(found.Value) == 0 {
		return "", &Error{
			Status: http.StatusNotFound, Code: "not_found",
			Detail: fmt.Sprintf("there is no application named %q: see those that exist with credence app list", idOrName),
		}
	}
	return found.Value[0].ID, nil
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
