package client

import (
	"context"
	"net/http"
	"time"
)

// Module is an uploaded WebAssembly module.
type Module struct {
	Digest       string    `json:"digest"`
	Size         int       `json:"size"` // bytes
	ABI          int       `json:"abi"`
	Name         string    `json:"name"`
	Version      string    `json:"version"`
	Description  string    `json:"description"`
	Methods      []string  `json:"methods"`
	Capabilities []string  `json:"capabilities"`
	Signature    Vouching  `json:"signature"`
	UploadedAt   time.Time `json:"uploadedAt"`
}

// Vouching is what the server that was asked finds of a module's signatures.
type Vouching struct {
	State  string `json:"state"` // UNSIGNED, SIGNED or INVALID
	Key    string `json:"key"`   // that counted, by the server's name for it
	Detail string `json:"detail"`
}

// UploadModule stores a module. The same bytes again change nothing.
func (c *Client) UploadModule(ctx context.Context, wasm []byte) (Answer[Module], error) {
	return call[Module](ctx, c, request{method: http.MethodPost, path: at("v1", "modules"), body: wasm})
}

// AddSignature adds a signature, by the key with this id, to a module.
func (c *Client) AddSignature(ctx context.Context, digest, key string, signature []byte) (Answer[Module], error) {
	body := struct {
		Signature []byte `json:"signature"`
	}{signature}
	return call[Module](ctx, c, request{method: http.MethodPut, path: at("v1", "modules", digest, "signatures", key), body: body})
}

// Modules lists modules; a limit of 0 lists all.
func (c *Client) Modules(ctx context.Context, limit uint) (Answer[[]Module], error) {
	return list[Module](ctx, c, at("v1", "modules"), paged(), limit)
}

// Module returns one module by its digest.
func (c *Client) Module(ctx context.Context, digest string) (Answer[Module], error) {
	return call[Module](ctx, c, request{method: http.MethodGet, path: at("v1", "modules", digest)})
}

// DeleteModule removes a module that no service uses.
func (c *Client) DeleteModule(ctx context.Context, digest string) error {
	_, _, err := c.send(ctx, request{method: http.MethodDelete, path: at("v1", "modules", digest)})
	return err
}
