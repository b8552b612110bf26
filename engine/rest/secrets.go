package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/credence-engine/credence/engine"
)

// secretBody is a secret as JSON. No answer holds a value.
type secretBody struct {
	Name            engine.SecretName `json:"name"`
	CreatedAt       time.Time         `json:"createdAt"`
	UpdatedAt       time.Time         `json:"updatedAt"`
	UpdatedBy       engine.UserName   `json:"updatedBy,omitzero"`
	ResourceVersion engine.Revision   `json:"resourceVersion"`
}

func secretOf(s engine.Secret) secretBody {
	return secretBody{
		Name: s.Name, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, UpdatedBy: s.UpdatedBy, ResourceVersion: s.Version,
	}
}

func (q *request) secret() (engine.SecretName, error) {
	s, err := q.segment("name")
	return engine.SecretName(s), err
}

type newSecret struct {
	Value []byte `json:"value"`
}

func (s *Server) putSecret(ctx context.Context, q *request) (reply, error) {
	name, err := q.secret()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[newSecret](q.body())
	if err != nil {
		return reply{}, err
	}
	err = q.mustExist(func() (engine.Revision, error) {
		old, err := s.engine.Secret(ctx, name)
		return old.Version, err
	})
	if err != nil {
		return reply{}, err
	}
	secret, created, err := s.engine.SetSecret(ctx, q.caller, name, in.Value, q.ifMatch)
	answer := reply{body: secretOf(secret), version: secret.Version}
	if created {
		answer.status, answer.location = http.StatusCreated, pathOf("v1", "secrets", string(name))
	}
	return answer, err
}

func (s *Server) listSecrets(ctx context.Context, q *request) (reply, error) {
	o, err := q.listOptions()
	if err != nil {
		return reply{}, err
	}
	list, err := s.engine.Secrets(ctx, o)
	if err != nil {
		return reply{}, err
	}
	return listing(q, list, secretOf), nil
}

func (s *Server) getSecret(ctx context.Context, q *request) (reply, error) {
	name, err := q.secret()
	if err != nil {
		return reply{}, err
	}
	secret, err := s.engine.Secret(ctx, name)
	return reply{body: secretOf(secret), version: secret.Version}, err
}

func (s *Server) deleteSecret(ctx context.Context, q *request) (reply, error) {
	name, err := q.secret()
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, s.engine.DeleteSecret(ctx, q.caller, name, q.ifMatch)
}
