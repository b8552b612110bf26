package rest

import (
	"bytes"
	"context"

	"github.com/go-json-experiment/json"

	"github.com/credence-engine/credence/engine"
)

// importPath is how the path of an import ends.
const importPath = "/credentials/import"

// importLine answers one line of an import.
type importLine struct {
	Line            int                  `json:"line"` // from 1
	ID              engine.CredentialsID `json:"id,omitzero"`
	Result          string               `json:"result"`
	Code            string               `json:"code,omitzero"`
	Detail          string               `json:"detail,omitzero"`
	ResourceVersion engine.Revision      `json:"resourceVersion,omitzero"`
}

// Results of a line.
const (
	lineCreated   = "CREATED"
	lineUnchanged = "UNCHANGED" // they were there already
	lineFailed    = "FAILED"
)

// importCredentials registers a line for each credentials and answers each
// with a line, in order. A line that is wrong fails alone. To send lines again
// is harmless, so whoever lost an answer sends them all again.
func (s *Server) importCredentials(ctx context.Context, q *request) (reply, error) {
	app, err := q.application()
	if err != nil {
		return reply{}, err
	}
	lines, requests, err := importLines(q.body())
	if err != nil {
		return reply{}, err
	}
	done, err := s.engine.Import(ctx, q.caller, app, requests)
	if err != nil {
		return reply{}, err
	}
	next := 0
	for i := range lines {
		if lines[i].Result == "" {
			lines[i].settle(done[next])
			next++
		}
	}
	var out bytes.Buffer
	for _, line := range lines {
		text, err := json.Marshal(line, lenient)
		if err != nil {
			return reply{}, engine.Wrap(err, engine.CodeInternal, "the answer cannot be written as JSON")
		}
		out.Write(append(text, '\n'))
	}
	return reply{text: out.Bytes(), media: contentTypes[linesBody][0]}, nil
}

// importLines reads the lines of an import. Those that cannot be read have
// failed; each of the others has its request. Empty lines count, and ask for
// nothing.
func importLines(body []byte) ([]importLine, []engine.ProvisionRequest, error) {
	var lines []importLine
	var requests []engine.ProvisionRequest
	number := 0
	for text := range bytes.Lines(body) {
		number++
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if len(lines) == engine.MaxImport {
			return nil, nil, engine.Errorf(engine.CodeTooLarge, "there are more than %d lines: send them in several requests", engine.MaxImport)
		}
		line := importLine{Line: number}
		in, err := decode[newCredentials](text)
		if err != nil {
			line.fail(err)
		} else {
			requests = append(requests, engine.ProvisionRequest{ID: in.ID, Body: in.Body, Labels: in.Labels})
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return nil, nil, engine.Errorf(engine.CodeInvalid, `the body is empty: send a line of JSON for each credentials, such as {"body": "…"}`)
	}
	return lines, requests, nil
}

func (l *importLine) settle(r engine.Imported) {
	l.ID, l.ResourceVersion = r.ID, r.Revision
	switch {
	case r.Err != nil:
		l.fail(r.Err)
	case r.Created:
		l.Result = lineCreated
	default:
		l.Result = lineUnchanged
	}
}

func (l *importLine) fail(err error) {
	reason := refusalOf(err).reason
	l.Result, l.Code, l.Detail = lineFailed, outcomes[reason.Code].code, reason.Message
}
