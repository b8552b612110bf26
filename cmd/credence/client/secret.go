package client

import (
	"context"
	"net/http"
	"time"
)

// Secret says that a secret exists; no answer of a server holds its value.
type Secret struct {
	Name            string    `json:"name"`
	CreatedAt       time.Time `json:"createdAt"`
	UpdatedAt       time.Time `json:"updatedAt"`
	UpdatedBy       string    `json:"updatedBy"`
	ResourceVersion int64     `json:"resourceVersion"`
}

// SetSecret stores a value under a name, in the place of one that was there.
func (c *Client) SetSecret(ctx context.Context, name string, value []byte) (Answer[Secret], error) {
	body := struct {
		Value []byte `json:"value"`
	}{value}
	return call[Secret](ctx, c, request{method: http.MethodPut, path: at("v1", "secrets", name), body: body})
}

// Secrets lists secrets by name; a limit of 0 lists all.
func (c *Client) Secrets(ctx context.Context, limit uint) (Answer[[]Secret], error) {
	return list[Secret](ctx, c, at("v1", "secrets"), paged(), limit)
}

// DeleteSecret removes a secret.
func (c *Client) DeleteSecret(ctx context.Context, name string) error {
	_, _, err := c.send(ctx, request{method: http.MethodDelete, path: at("v1", "secrets", name)})
	return err
}
