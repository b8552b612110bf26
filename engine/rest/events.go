package rest

import (
	"context"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/credence-engine/credence/engine"
)

// eventData is the data of an event, as JSON.
type eventData struct {
	Type            engine.EventType     `json:"type"`
	Revision        engine.Revision      `json:"revision"`
	At              time.Time            `json:"at"`
	Application     engine.ApplicationID `json:"application,omitzero"`
	CredentialsID   engine.CredentialsID `json:"credentialsId,omitzero"`
	EndpointID      engine.EndpointID    `json:"endpointId,omitzero"`
	SessionID       engine.SessionID     `json:"sessionId,omitzero"`
	Service         engine.ServiceName   `json:"service,omitzero"`
	ServiceRevision int                  `json:"serviceRevision,omitzero"`
	Module          engine.Digest        `json:"module,omitzero"`
	Node            engine.NodeID        `json:"node,omitzero"`
	Cause           string               `json:"cause,omitzero"`
	User            engine.UserName      `json:"user,omitzero"`
	RequestID       string               `json:"requestId,omitzero"`
}

func eventOf(e engine.DomainEvent) eventData {
	return eventData{
		Type: e.Type, Revision: e.Revision, At: e.At, Application: e.Application, CredentialsID: e.Credentials, EndpointID: e.Endpoint,
		SessionID: e.Session, Service: e.Service, ServiceRevision: e.Number, Module: e.Module, Node: e.Node,
		Cause: e.Cause, User: e.User, RequestID: e.RequestID,
	}
}

// streamEvents answers with a stream of events that goes on behind the last one
// that the client has seen, if it names one.
func (s *Server) streamEvents(ctx context.Context, q *request) (reply, error) {
	filter, err := q.eventFilter()
	if err != nil {
		return reply{}, err
	}
	after, err := lastEventID(q.fiber.Get("Last-Event-ID"))
	if err != nil {
		return reply{}, err
	}
	if err := s.streaming.Err(); err != nil {
		return reply{}, err
	}
	stream, err := s.engine.Events(ctx, filter, after)
	if err != nil {
		return reply{}, err
	}
	return reply{stream: s.newEventWriter(q, stream)}, nil
}

func (q *request) eventFilter() (engine.EventFilter, error) {
	filter := engine.EventFilter{Scope: scopeOf(q.user)}
	if apps := q.query["application"]; len(apps) == 1 && apps[0] != "" {
		filter.Application = engine.ApplicationID(apps[0])
	} else if len(apps) > 0 {
		return filter, engine.Errorf(engine.CodeInvalid, "application takes the id of one application: leave it out for all").InField("application")
	}
	var err error
	filter.Types, err = engine.ParseEventTypes(q.query["types"])
	return filter, err
}

// scopeOf says what a user may see of events and of the audit.
func scopeOf(u engine.User) engine.Scope {
	scope := engine.Scope{Platform: u.Has(engine.RoleAdmin)}
	if u.Has(engine.RoleTenantAdmin) {
		scope.Tenant = u.Tenant
	}
	return scope
}

// lastEventID reads the id of the last event that a client has seen; without
// one it is 0.
func lastEventID(header string) (engine.Revision, error) {
	if header == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(header, 10, 64)
	if err != nil || id < 1 || strconv.FormatInt(id, 10) != header {
		return 0, engine.Errorf(engine.CodeInvalid, "Last-Event-ID must be the id of an event, as this route gave it: a number").InField("Last-Event-ID")
	}
	return engine.Revision(id), nil
}

// writeStream sends a reply that has no end. The HTTP server reads the stream
// while it writes, in the goroutine of the connection, and closes it.
func (r reply) writeStream(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set("X-Accel-Buffering", "no") // or else a proxy in front keeps events back
	c.Response().Header.SetConnectionClose()
	c.Response().SetBodyStream(r.stream, -1)
	return nil
}
