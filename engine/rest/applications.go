package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/credence-engine/credence/engine"
)

// applicationBody is an application as JSON.
type applicationBody struct {
	ID                 engine.ApplicationID `json:"id"`
	Token              string               `json:"token"`
	Name               string               `json:"name"`
	Tenant             engine.TenantID      `json:"tenant"`
	CredentialsService engine.ServiceName   `json:"credentialsService"`
	ServiceConfig      jsontext.Value       `json:"serviceConfig,omitzero"`
	IDScheme           engine.IDScheme      `json:"idScheme"`
	ProofPolicy        engine.ProofPolicy   `json:"proofPolicy"`
	CreatedAt          time.Time            `json:"createdAt"`
	UpdatedAt          time.Time            `json:"updatedAt"`
	ResourceVersion    engine.Revision      `json:"resourceVersion"`
}

func applicationOf(a engine.Application) applicationBody {
	return applicationBody{
		ID: a.ID, Token: a.Token, Name: a.Name, Tenant: a.Tenant, CredentialsService: a.Service,
		ServiceConfig: jsontext.Value(a.ServiceConfig), IDScheme: a.IDScheme, ProofPolicy: a.ProofPolicy,
		CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt, ResourceVersion: a.Version,
	}
}

type newApplication struct {
	Name               string             `json:"name"`
	CredentialsService engine.ServiceName `json:"credentialsService"`
	ServiceConfig      jsontext.Value     `json:"serviceConfig"`
	IDScheme           engine.IDScheme    `json:"idScheme"`
	ProofPolicy        engine.ProofPolicy `json:"proofPolicy"`
}

func (s *Server) createApplication(ctx context.Context, q *request) (reply, error) {
	in, err := decode[newApplication](q.body())
	if err != nil {
		return reply{}, err
	}
	config := raw(in.ServiceConfig)
	if err := object(config, "/serviceConfig"); err != nil {
		return reply{}, err
	}
	app, err := s.engine.CreateApplication(ctx, q.caller, engine.ApplicationSpec{
		Name: in.Name, Service: in.CredentialsService, ServiceConfig: config, IDScheme: in.IDScheme, ProofPolicy: in.ProofPolicy,
	})
	if err != nil {
		return reply{}, err
	}
	return reply{
		status: http.StatusCreated, body: applicationOf(app), version: app.Version,
		location: pathOf("v1", "applications", string(app.ID)),
	}, nil
}

func (s *Server) listApplications(ctx context.Context, q *request) (reply, error) {
	o, err := q.listOptions()
	if err != nil {
		return reply{}, err
	}
	list, err := s.engine.Applications(ctx, q.caller, o)
	if err != nil {
		return reply{}, err
	}
	return listing(q, list, applicationOf), nil
}

func (s *Server) getApplication(ctx context.Context, q *request) (reply, error) {
	id, err := q.application()
	if err != nil {
		return reply{}, err
	}
	app, err := s.engine.Application(ctx, q.caller, id)
	return reply{body: applicationOf(app), version: app.Version}, err
}

type applicationPatch struct {
	Name               optional[string]             `json:"name"`
	CredentialsService optional[engine.ServiceName] `json:"credentialsService"`
	ServiceConfig      optional[jsontext.Value]     `json:"serviceConfig"`
	ProofPolicy        optional[engine.ProofPolicy] `json:"proofPolicy"`
}

// patch turns null into what a new application gets: the default service, no
// configuration, the default policy. A name it must have.
func (in applicationPatch) patch() (p engine.ApplicationPatch, err error) {
	if in.Name.null {
		return p, engine.Errorf(engine.CodeInvalid, "an application needs a name: /name cannot be null").InField("/name")
	}
	if in.Name.given {
		p.Name = &in.Name.value
	}
	if in.CredentialsService.given {
		p.Service = &in.CredentialsService.value
	}
	if in.ProofPolicy.given {
		p.ProofPolicy = &in.ProofPolicy.value
	}
	if in.ServiceConfig.given {
		config := json.RawMessage(in.ServiceConfig.value)
		p.ServiceConfig = &config
	}
	return p, object(in.ServiceConfig.value, "/serviceConfig")
}

func (s *Server) patchApplication(ctx context.Context, q *request) (reply, error) {
	id, err := q.application()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[applicationPatch](q.body())
	if err != nil {
		return reply{}, err
	}
	patch, err := in.patch()
	if err != nil {
		return reply{}, err
	}
	app, err := s.engine.UpdateApplication(ctx, q.caller, id, patch, q.ifMatch)
	return reply{body: applicationOf(app), version: app.Version}, err
}

func (s *Server) deleteApplication(ctx context.Context, q *request) (reply, error) {
	id, err := q.application()
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, s.engine.DeleteApplication(ctx, q.caller, id, q.ifMatch)
}
