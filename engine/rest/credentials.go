package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/credence-engine/credence/engine"
)

// credentialsBody is credentials as JSON. Bodies are standard base64.
type credentialsBody struct {
	ID                 engine.CredentialsID `json:"id"`
	Body               []byte               `json:"body,omitzero"`
	Status             engine.Status        `json:"status"`
	CredentialsService engine.ServiceName   `json:"credentialsService,omitzero"`
	EndpointID         engine.EndpointID    `json:"endpointId,omitzero"` // that claimed them
	Validity           validityBody         `json:"validity,omitzero"`
	Labels             map[string]string    `json:"labels"`
	CreatedAt          time.Time            `json:"createdAt,omitzero"`
	UpdatedAt          time.Time            `json:"updatedAt,omitzero"`
	ResourceVersion    engine.Revision      `json:"resourceVersion,omitzero"` // absent: the engine has no record yet
}

// validityBody is when credentials hold; a bound that is absent is none.
type validityBody struct {
	NotBefore time.Time `json:"notBefore,omitzero"`
	NotAfter  time.Time `json:"notAfter,omitzero"`
}

func credentialsOf(c engine.Credentials) credentialsBody {
	return credentialsBody{
		ID: c.ID, Body: c.Body, Status: c.Status, CredentialsService: c.Service, EndpointID: c.ClaimedBy,
		Validity: validityBody{NotBefore: c.NotBefore, NotAfter: c.NotAfter}, Labels: c.Labels,
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, ResourceVersion: c.Version,
	}
}

type newCredentials struct {
	Body   []byte               `json:"body"`
	ID     engine.CredentialsID `json:"id"`
	Labels map[string]string    `json:"labels"`
}

func (s *Server) provision(ctx context.Context, q *request) (reply, error) {
	app, err := q.application()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[newCredentials](q.body())
	if err != nil {
		return reply{}, err
	}
	done, err := s.engine.Provision(ctx, q.caller, app, engine.ProvisionRequest{ID: in.ID, Body: in.Body, Labels: in.Labels})
	if err != nil {
		return reply{}, err
	}
	c := done.Credentials
	answer := reply{
		body: credentialsOf(c), version: c.Version,
		location: pathOf("v1", "applications", string(app), "credentials", string(c.ID)),
	}
	if done.Created {
		answer.status = http.StatusCreated
	}
	return answer, nil
}

func (s *Server) listCredentials(ctx context.Context, q *request) (reply, error) {
	app, err := q.application()
	if err != nil {
		return reply{}, err
	}
	o, err := q.listOptions()
	if err != nil {
		return reply{}, err
	}
	list, err := s.engine.CredentialsOf(ctx, q.caller, app, o)
	if err != nil {
		return reply{}, err
	}
	return listing(q, list, credentialsOf), nil
}

func (s *Server) getCredentials(ctx context.Context, q *request) (reply, error) {
	app, id, err := q.credentials()
	if err != nil {
		return reply{}, err
	}
	c, err := s.engine.Credentials(ctx, q.caller, app, id)
	return reply{body: credentialsOf(c), version: c.Version, consistency: consistencyOf(engine.Strict)}, err
}

type credentialsPatch struct {
	Labels   optional[map[string]*string] `json:"labels"`
	Validity optional[validityPatch]      `json:"validity"`
}

type validityPatch struct {
	NotBefore optional[time.Time] `json:"notBefore"`
	NotAfter  optional[time.Time] `json:"notAfter"`
}

// patch turns null into "no bound", which is how the engine writes it too.
func (in credentialsPatch) patch() (p engine.CredentialsPatch, err error) {
	if in.Labels.null {
		return p, engine.Errorf(engine.CodeInvalid, "/labels cannot be null: give null to each label that is to go").InField("/labels")
	}
	p.Labels = in.Labels.value
	validity := in.Validity.value
	if in.Validity.null || validity.NotBefore.given {
		p.NotBefore = &validity.NotBefore.value
	}
	if in.Validity.null || validity.NotAfter.given {
		p.NotAfter = &validity.NotAfter.value
	}
	return p, nil
}

func (s *Server) patchCredentials(ctx context.Context, q *request) (reply, error) {
	app, id, err := q.credentials()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[credentialsPatch](q.body())
	if err != nil {
		return reply{}, err
	}
	patch, err := in.patch()
	if err != nil {
		return reply{}, err
	}
	c, err := s.engine.UpdateCredentials(ctx, q.caller, app, id, patch, q.ifMatch)
	return reply{body: credentialsOf(c), version: c.Version}, err
}
