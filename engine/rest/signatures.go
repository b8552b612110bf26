package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/credence-engine/credence/engine"
)

// vouchingBody is what this node finds of a module's signatures, as JSON. The
// state is UNSIGNED, SIGNED (by the key of that name) or INVALID.
type vouchingBody struct {
	State  engine.SignatureState `json:"state"`
	Key    string                `json:"key,omitzero"`
	Detail string                `json:"detail,omitzero"`
}

func vouchingOf(v engine.Vouching) vouchingBody {
	return vouchingBody{State: v.State, Key: v.Key, Detail: v.Detail}
}

// signatureBody is one signature as it came, as JSON.
type signatureBody struct {
	Key       engine.SigningKeyID `json:"key"`
	Signature []byte              `json:"signature"`
	AddedAt   time.Time           `json:"addedAt"`
	AddedBy   engine.UserName     `json:"addedBy,omitzero"`
}

func signaturesOf(all []engine.Signature) []signatureBody {
	bodies := make([]signatureBody, len(all))
	for i, s := range all {
		bodies[i] = signatureBody{Key: s.Key, Signature: s.Value, AddedAt: s.AddedAt, AddedBy: s.AddedBy}
	}
	return bodies
}

func (q *request) signature() (engine.Digest, engine.SigningKeyID, error) {
	d, err := q.digest()
	if err != nil {
		return "", "", err
	}
	key, err := q.segment("key")
	return d, engine.SigningKeyID(key), err
}

type newSignature struct {
	Signature []byte `json:"signature"`
}

// putSignature adds a detached signature to a module that was uploaded. It
// answers with the module.
func (s *Server) putSignature(ctx context.Context, q *request) (reply, error) {
	d, key, err := q.signature()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[newSignature](q.body())
	if err != nil {
		return reply{}, err
	}
	m, err := s.engine.AddSignature(ctx, q.caller, d, engine.Signature{Key: key, Value: in.Signature})
	return reply{body: s.moduleOf(m), version: m.Version}, err
}

func (s *Server) deleteSignature(ctx context.Context, q *request) (reply, error) {
	d, key, err := q.signature()
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, s.engine.DeleteSignature(ctx, q.caller, d, key)
}
