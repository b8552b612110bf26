package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// Answer is what the server said, in two forms.
type Answer[T any] struct {
	// Value is what this client understands of the answer.
	Value T
	// JSON is the answer as the server wrote it. For a listing it is one page
	// that holds all items.
	JSON json.RawMessage
	// Status is the HTTP status: 201 when something was made, 202 when it is
	// not finished yet. 0 for listings.
	Status int
}

// Created tells whether the request made something that was not there.
func (a Answer[T]) Created() bool { return a.Status == http.StatusCreated }

// call makes a request whose answer is one JSON value.
func call[T any](ctx context.Context, c *Client, r request) (Answer[T], error) {
	status, body, err := c.send(ctx, r)
	if err != nil {
		return Answer[T]{}, err
	}
	answer := Answer[T]{JSON: body, Status: status}
	if err := json.Unmarshal(body, &answer.Value); err != nil {
		return Answer[T]{}, c.notUnderstood(err)
	}
	return answer, nil
}

// list reads a listing page by page: all of it, or its first items when limit
// is not 0.
func list[T any](ctx context.Context, c *Client, path string, query url.Values, limit uint) (Answer[[]T], error) {
	items := []json.RawMessage{}
	for {
		page, err := call[struct {
			Items         []json.RawMessage `json:"items"`
			NextPageToken string            `json:"nextPageToken"`
		}](ctx, c, request{method: http.MethodGet, path: path, query: query})
		if err != nil {
			return Answer[[]T]{}, err
		}
		items = append(items, page.Value.Items...)
		if limit > 0 && uint(len(items)) >= limit {
			items = items[:limit]
			break
		}
		if page.Value.NextPageToken == "" {
			break
		}
		query.Set("pageToken", page.Value.NextPageToken)
	}

	answer := Answer[[]T]{Value: make([]T, len(items))}
	for i, item := range items {
		if err := json.Unmarshal(item, &answer.Value[i]); err != nil {
			return Answer[[]T]{}, c.notUnderstood(err)
		}
	}
	answer.JSON = onePage(items)
	return answer, nil
}

func onePage(items []json.RawMessage) json.RawMessage {
	page := []byte(`{"items":[`)
	for i, item := range items {
		if i > 0 {
			page = append(page, ',')
		}
		page = append(page, item...)
	}
	return append(page, `]}`...)
}

func (c *Client) notUnderstood(err error) error {
	return fmt.Errorf("the answer of %s is not one of a Credence server of this version: %w", c.base, err)
}

// paged is the query of a listing that comes in pages.
func paged() url.Values { return url.Values{"pageSize": {pageSize}} }
