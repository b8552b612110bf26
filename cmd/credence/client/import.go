package client

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
)

// Lines is a body of JSON lines.
type Lines []byte

// ImportedLine says how one line of an import fared.
type ImportedLine struct {
	Line            int    `json:"line"` // of the request, from 1
	ID              string `json:"id"`
	Result          string `json:"result"` // CREATED, UNCHANGED or FAILED
	Code            string `json:"code,omitempty"`
	Detail          string `json:"detail,omitempty"`
	ResourceVersion int64  `json:"resourceVersion,omitempty"`
}

// Results of a line.
const (
	Created   = "CREATED"
	Unchanged = "UNCHANGED"
	Failed    = "FAILED"
)

// Import registers a line of JSON for each credentials. To import again what
// was imported is harmless.
func (c *Client) Import(ctx context.Context, app string, lines Lines) ([]ImportedLine, error) {
	_, body, err := c.send(ctx, request{method: http.MethodPost, path: credentialsPath(app) + "/import", body: lines})
	if err != nil {
		return nil, err
	}
	var results []ImportedLine
	for text := range bytes.Lines(body) {
		var line ImportedLine
		if err := json.Unmarshal(text, &line); err != nil {
			return nil, c.notUnderstood(err)
		}
		results = append(results, line)
	}
	return results, nil
}
