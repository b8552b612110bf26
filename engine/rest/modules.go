package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/credence-engine/credence/engine"
)

// moduleBody is an uploaded module as JSON.
type moduleBody struct {
	Digest          engine.Digest   `json:"digest"`
	Size            int             `json:"size"`
	ABI             int             `json:"abi"`
	Methods         []string        `json:"methods"`
	Capabilities    []string        `json:"capabilities"`
	Name            string          `json:"name,omitzero"`
	Version         string          `json:"version,omitzero"`
	Description     string          `json:"description,omitzero"`
	Manifest        jsontext.Value  `json:"manifest,omitzero"`
	Signature       vouchingBody    `json:"signature"`
	Signatures      []signatureBody `json:"signatures"`
	UploadedAt      time.Time       `json:"uploadedAt"`
	UploadedBy      engine.UserName `json:"uploadedBy,omitzero"`
	ResourceVersion engine.Revision `json:"resourceVersion"`
}

func (s *Server) moduleOf(m engine.Module) moduleBody {
	return moduleBody{
		Digest: m.Digest, Size: m.Size, ABI: m.ABI, Methods: m.Methods, Capabilities: m.Capabilities,
		Name: m.Name, Version: m.Release, Description: m.Description, Manifest: jsontext.Value(m.Manifest),
		Signature: vouchingOf(s.engine.Vouching(m)), Signatures: signaturesOf(m.Signatures),
		UploadedAt: m.UploadedAt, UploadedBy: m.UploadedBy, ResourceVersion: m.Version,
	}
}

// digest returns the digest that the path names.
func (q *request) digest() (engine.Digest, error) {
	s, err := q.segment("digest")
	if err != nil {
		return "", err
	}
	d, err := engine.ParseDigest(s)
	if err != nil {
		return "", engine.Errorf(engine.CodeInvalid, "%.80q is no module digest: give sha256: and 64 lower-case hexadecimal digits", s).InField("digest")
	}
	return d, nil
}

func (s *Server) uploadModule(ctx context.Context, q *request) (reply, error) {
	if len(q.body()) == 0 {
		return reply{}, engine.Errorf(engine.CodeInvalid, "the body is empty: send the module's bytes")
	}
	wasm := q.fiber.Request().SwapBody(nil) // ours from now on: a compiler may hold on to it
	out, err := s.engine.UploadModule(ctx, q.caller, wasm)
	if err != nil {
		return reply{}, err
	}
	m := out.Module
	answer := reply{body: s.moduleOf(m), version: m.Version, location: pathOf("v1", "modules", string(m.Digest))}
	if out.Created {
		answer.status = http.StatusCreated
	}
	return answer, nil
}

func (s *Server) listModules(ctx context.Context, q *request) (reply, error) {
	o, err := q.listOptions()
	if err != nil {
		return reply{}, err
	}
	list, err := s.engine.Modules(ctx, o)
	if err != nil {
		return reply{}, err
	}
	return listing(q, list, s.moduleOf), nil
}

func (s *Server) getModule(ctx context.Context, q *request) (reply, error) {
	d, err := q.digest()
	if err != nil {
		return reply{}, err
	}
	m, err := s.engine.Module(ctx, d)
	return reply{body: s.moduleOf(m), version: m.Version}, err
}

func (s *Server) deleteModule(ctx context.Context, q *request) (reply, error) {
	d, err := q.digest()
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, s.engine.DeleteModule(ctx, q.caller, d, q.ifMatch)
}
