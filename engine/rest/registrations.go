package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/credence-engine/credence/engine"
)

// registrationBody is a registration as JSON.
type registrationBody struct {
	CredentialsID   engine.CredentialsID `json:"credentialsId"`
	EndpointID      engine.EndpointID    `json:"endpointId,omitzero"` // absent: waits for the first connection
	ProfileVersion  int32                `json:"profileVersion"`
	Profile         jsontext.Value       `json:"profile,omitzero"`
	CreatedAt       time.Time            `json:"createdAt"`
	UpdatedAt       time.Time            `json:"updatedAt"`
	ResourceVersion engine.Revision      `json:"resourceVersion"`
}

func registrationOf(r engine.Registration) registrationBody {
	return registrationBody{
		CredentialsID: r.CredentialsID, EndpointID: r.EndpointID, ProfileVersion: r.ProfileVersion,
		Profile: jsontext.Value(r.Profile), CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, ResourceVersion: r.Version,
	}
}

type newRegistration struct {
	ProfileVersion int32          `json:"profileVersion"`
	Profile        jsontext.Value `json:"profile"`
}

func (s *Server) putRegistration(ctx context.Context, q *request) (reply, error) {
	app, id, err := q.credentials()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[newRegistration](q.body())
	if err != nil {
		return reply{}, err
	}
	err = q.mustExist(func() (engine.Revision, error) {
		old, err := s.engine.Registration(ctx, q.caller, app, id)
		return old.Version, err
	})
	if err != nil {
		return reply{}, err
	}
	reg, created, err := s.engine.BindRegistration(ctx, q.caller, app, id,
		engine.Profile{Version: in.ProfileVersion, Body: []byte(in.Profile)}, q.ifMatch)
	answer := reply{body: registrationOf(reg), version: reg.Version}
	if created {
		answer.status = http.StatusCreated
		answer.location = pathOf("v1", "applications", string(app), "credentials", string(id), "registration")
	}
	return answer, err
}

func (s *Server) getRegistration(ctx context.Context, q *request) (reply, error) {
	app, id, err := q.credentials()
	if err != nil {
		return reply{}, err
	}
	reg, err := s.engine.Registration(ctx, q.caller, app, id)
	return reply{body: registrationOf(reg), version: reg.Version}, err
}

func (s *Server) deleteRegistration(ctx context.Context, q *request) (reply, error) {
	app, id, err := q.credentials()
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, s.engine.DeleteRegistration(ctx, q.caller, app, id, q.ifMatch)
}

// mustExist obeys If-Match: * for a PUT, which could create: what is there now
// must be what is replaced.
func (q *request) mustExist(version func() (engine.Revision, error)) error {
	if !q.exists {
		return nil
	}
	present, err := version()
	if engine.CodeOf(err) == engine.CodeNotFound {
		return engine.Errorf(engine.CodeStale, "If-Match: * asks for something to replace, and there is nothing yet")
	}
	q.ifMatch = present
	return err
}
