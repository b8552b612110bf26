package rest

import (
	"context"
	"time"

	"github.com/credence-engine/credence/engine"
)

// liveNode is a live node as JSON.
type liveNode struct {
	ID       engine.NodeID `json:"id"`
	Address  string        `json:"address,omitzero"`
	Version  string        `json:"version,omitzero"`
	Started  time.Time     `json:"started"`
	Services []liveService `json:"services"`
	// Candidates are deployments that the node has prepared for.
	Candidates      []liveService   `json:"candidates,omitzero"`
	Problems        []string        `json:"problems,omitzero"`
	Acknowledged    engine.Revision `json:"acknowledged"` // up to here it has carried out what took rights away
	ResourceVersion engine.Revision `json:"resourceVersion"`
}

// liveService says how far a node is with a service.
type liveService struct {
	Name     engine.ServiceName  `json:"name"`
	Revision int                 `json:"revision,omitzero"`
	Module   engine.Digest       `json:"module"`
	State    engine.ServiceState `json:"state"`
	Detail   string              `json:"detail,omitzero"`
}

// nodeReport is how far a node was with a deployment when that was answered.
type nodeReport struct {
	ID     engine.NodeID       `json:"id"`
	State  engine.ServiceState `json:"state"`
	Detail string              `json:"detail,omitzero"`
}

func nodeOf(n engine.Node) liveNode {
	return liveNode{
		ID: n.ID, Address: n.Address, Version: n.Release, Started: n.Started, Services: liveServicesOf(n.Services),
		Candidates: liveServicesOf(n.Candidates), Problems: n.Problems, Acknowledged: n.Acknowledged, ResourceVersion: n.Version,
	}
}

func liveServicesOf(services []engine.NodeService) []liveService {
	if services == nil {
		return nil
	}
	bodies := make([]liveService, len(services))
	for i, s := range services {
		bodies[i] = liveService{Name: s.Name, Revision: s.Number, Module: s.Module, State: s.State, Detail: s.Detail}
	}
	return bodies
}

func reportsOf(reports []engine.NodeReport) []nodeReport {
	if reports == nil {
		return nil
	}
	bodies := make([]nodeReport, len(reports))
	for i, r := range reports {
		bodies[i] = nodeReport{ID: r.ID, State: r.State, Detail: r.Detail}
	}
	return bodies
}

func (s *Server) listNodes(ctx context.Context, q *request) (reply, error) {
	o, err := q.listOptions()
	if err != nil {
		return reply{}, err
	}
	nodes, err := s.engine.Nodes(ctx, o)
	return listing(q, nodes, nodeOf), err
}

func (s *Server) getNode(ctx context.Context, q *request) (reply, error) {
	id, err := q.segment("id")
	if err != nil {
		return reply{}, err
	}
	node, err := s.engine.Node(ctx, engine.NodeID(id))
	return reply{body: nodeOf(node), version: node.Version}, err
}
