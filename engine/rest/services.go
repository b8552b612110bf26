package rest

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/credence-engine/credence/engine"
)

// serviceBody is a credentials service as JSON. A built-in one has a name, a
// kind and a description.
type serviceBody struct {
	Name            engine.ServiceName `json:"name"`
	Kind            string             `json:"kind"`
	Module          engine.Digest      `json:"module,omitzero"`
	Revision        int                `json:"revision,omitzero"`
	Config          jsontext.Value     `json:"config,omitzero"`
	Grants          jsontext.Value     `json:"grants,omitzero"`
	Limits          jsontext.Value     `json:"limits,omitzero"`
	Description     string             `json:"description,omitzero"`
	DeployedAt      time.Time          `json:"deployedAt,omitzero"`
	DeployedBy      engine.UserName    `json:"deployedBy,omitzero"`
	QuarantinedAt   time.Time          `json:"quarantinedAt,omitzero"`
	Health          *healthBody        `json:"health,omitzero"`
	ResourceVersion engine.Revision    `json:"resourceVersion,omitzero"`
	// Nodes are in the answer to a deployment only.
	Nodes []nodeReport `json:"nodes,omitzero"`
}

func serviceOf(s engine.Service) serviceBody {
	return serviceBody{
		Name: s.Name, Kind: s.Kind(), Module: s.Module, Revision: s.Number,
		Config: jsontext.Value(s.Config), Grants: jsontext.Value(s.Grants), Limits: jsontext.Value(s.Limits),
		Description: s.Description, DeployedAt: s.DeployedAt, DeployedBy: s.DeployedBy,
		QuarantinedAt: s.QuarantinedAt, Health: healthOf(s.Health), ResourceVersion: s.Version,
		Nodes: reportsOf(s.Nodes),
	}
}

// deployment answers for a service that was deployed: with 202 when some node
// is not ready yet.
func deployment(s engine.Service) reply {
	answer := reply{body: serviceOf(s), version: s.Version}
	if s.Number == 1 { // 0 when nothing was deployed
		answer.status, answer.location = http.StatusCreated, servicePath(s.Name)
	}
	for _, n := range s.Nodes {
		if n.State != engine.ServiceReady {
			answer.status = http.StatusAccepted
		}
	}
	return answer
}

func (q *request) service() (engine.ServiceName, error) {
	s, err := q.segment("name")
	return engine.ServiceName(s), err
}

func servicePath(name engine.ServiceName) string {
	return pathOf("v1", "credentials-services", string(name))
}

func (s *Server) listServices(ctx context.Context, q *request) (reply, error) {
	services, err := s.engine.Services(ctx)
	return listing(q, engine.List[engine.Service]{Items: services}, serviceOf), err
}

func (s *Server) getService(ctx context.Context, q *request) (reply, error) {
	name, err := q.service()
	if err != nil {
		return reply{}, err
	}
	found, err := s.engine.Service(ctx, name)
	return reply{body: serviceOf(found), version: found.Version}, err
}

type newService struct {
	Module      engine.Digest  `json:"module"`
	Config      jsontext.Value `json:"config"`
	Grants      jsontext.Value `json:"grants"`
	Limits      jsontext.Value `json:"limits"`
	Description string         `json:"description"`
}

func (s *Server) deployService(ctx context.Context, q *request) (reply, error) {
	name, err := q.service()
	if err != nil {
		return reply{}, err
	}
	dry, err := q.flag("validateOnly")
	if err != nil {
		return reply{}, err
	}
	force, err := q.flag("force")
	if err != nil {
		return reply{}, err
	}
	in, err := decode[newService](q.body())
	if err != nil {
		return reply{}, err
	}
	err = q.mustExist(func() (engine.Revision, error) {
		old, err := s.engine.Service(ctx, name)
		return old.Version, err
	})
	if err != nil {
		return reply{}, err
	}
	deployed, err := s.engine.DeployService(ctx, q.caller, name, engine.ServiceSpec{
		Module: in.Module, Config: raw(in.Config), Grants: raw(in.Grants), Limits: raw(in.Limits), Description: in.Description,
	}, engine.DeployOptions{ValidateOnly: dry, Force: force, IfMatch: q.ifMatch})
	return deployment(deployed), err
}

// flag reads a query parameter that is true or false; alone it is true.
func (q *request) flag(name string) (bool, error) {
	given, ok := q.query[name]
	switch {
	case !ok:
		return false, nil
	case given[0] == "" || given[0] == "true":
		return true, nil
	case given[0] == "false":
		return false, nil
	}
	return false, engine.Errorf(engine.CodeInvalid, "%s must be true or false", name).InField(name)
}

func (s *Server) deleteService(ctx context.Context, q *request) (reply, error) {
	name, err := q.service()
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, s.engine.DeleteService(ctx, q.caller, name, q.ifMatch)
}

func (s *Server) listRevisions(ctx context.Context, q *request) (reply, error) {
	name, err := q.service()
	if err != nil {
		return reply{}, err
	}
	revisions, err := s.engine.ServiceRevisions(ctx, name)
	return listing(q, engine.List[engine.Service]{Items: revisions}, serviceOf), err
}

type rollbackBody struct {
	Revision *int `json:"revision"` // absent: the one before the present
}

func (s *Server) rollbackService(ctx context.Context, q *request) (reply, error) {
	name, err := q.service()
	if err != nil {
		return reply{}, err
	}
	force, err := q.flag("force")
	if err != nil {
		return reply{}, err
	}
	number := 0
	if len(bytes.TrimSpace(q.body())) > 0 {
		in, err := decode[rollbackBody](q.body())
		if err != nil {
			return reply{}, err
		}
		if in.Revision != nil {
			if number = *in.Revision; number < 1 {
				return reply{}, engine.Errorf(engine.CodeInvalid, "/revision: revisions count from 1").InField("/revision")
			}
		}
	}
	deployed, err := s.engine.RollbackService(ctx, q.caller, name, number, engine.DeployOptions{Force: force})
	return deployment(deployed), err
}
