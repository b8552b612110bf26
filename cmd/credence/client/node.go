package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Node is a live node.
type Node struct {
	ID         string        `json:"id"`
	Address    string        `json:"address"`
	Version    string        `json:"version"`
	Started    time.Time     `json:"started"`
	Services   []NodeService `json:"services"`
	Candidates []NodeService `json:"candidates"`
	Problems   []string      `json:"problems"`
}

// NodeService says how far a node is with a credentials service.
type NodeService struct {
	Name     string `json:"name"`
	Revision int    `json:"revision"`
	Module   string `json:"module"`
	State    string `json:"state"`
	Detail   string `json:"detail"`
}

// NodeReport says how far a node was with a deployment.
type NodeReport struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	Detail string `json:"detail"`
}

// Nodes lists the live nodes.
func (c *Client) Nodes(ctx context.Context) (Answer[[]Node], error) {
	return list[Node](ctx, c, at("v1", "nodes"), url.Values{}, 0)
}

// Node returns one live node.
func (c *Client) Node(ctx context.Context, id string) (Answer[Node], error) {
	return call[Node](ctx, c, request{method: http.MethodGet, path: at("v1", "nodes", id)})
}
