package rest

import (
	"context"
	"time"

	"github.com/credence-engine/credence/engine"
)

// sessionRequest asks for a session with a verification.
type sessionRequest struct {
	TTLSeconds int64 `json:"ttlSeconds"`
}

// ttl is 0 when no session is asked for. What is too long for the engine to be
// asked is refused there as well.
func (s *sessionRequest) ttl() (time.Duration, error) {
	if s == nil {
		return 0, nil
	}
	if most := int64(engine.MaxSessionTTL / time.Second); s.TTLSeconds < 1 || s.TTLSeconds > most {
		return 0, engine.Errorf(engine.CodeInvalid, "/session/ttlSeconds: expected a number from 1 to %d", most).InField("/session/ttlSeconds")
	}
	return time.Duration(s.TTLSeconds) * time.Second, nil
}

// openedBody is a session that was just opened, with the token that stands for
// it. No other answer holds the token.
type openedBody struct {
	ID        engine.SessionID `json:"id"`
	Token     string           `json:"token"`
	ExpiresAt time.Time        `json:"expiresAt"`
}

// sessionBody is a session as JSON.
type sessionBody struct {
	ID              engine.SessionID     `json:"id"`
	CredentialsID   engine.CredentialsID `json:"credentialsId"`
	EndpointID      engine.EndpointID    `json:"endpointId"`
	CreatedAt       time.Time            `json:"createdAt"`
	ExpiresAt       time.Time            `json:"expiresAt"`
	OpenedBy        engine.UserName      `json:"openedBy,omitzero"`
	Node            engine.NodeID        `json:"node"`
	ResourceVersion engine.Revision      `json:"resourceVersion"`
}

func sessionOf(s engine.Session) sessionBody {
	return sessionBody{
		ID: s.ID, CredentialsID: s.CredentialsID, EndpointID: s.EndpointID, CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt,
		OpenedBy: s.OpenedBy, Node: s.Node, ResourceVersion: s.Version,
	}
}

type introspectBody struct {
	Token       string `json:"token"`
	Consistency string `json:"consistency"`
}

// introspectionBody is the judgement of a token as JSON.
type introspectionBody struct {
	Active          bool            `json:"active"`
	Reason          engine.Reason   `json:"reason,omitzero"`
	Detail          string          `json:"detail,omitzero"`
	Session         *sessionBody    `json:"session,omitzero"`
	Consistency     string          `json:"consistency"`
	ResourceVersion engine.Revision `json:"resourceVersion"`
}

func (s *Server) introspect(ctx context.Context, q *request) (reply, error) {
	app, err := q.application()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[introspectBody](q.body())
	if err != nil {
		return reply{}, err
	}
	consistency, err := parseConsistency(in.Consistency)
	if err != nil {
		return reply{}, err
	}
	judged, err := s.engine.Introspect(ctx, q.caller, app, engine.IntrospectRequest{Token: in.Token, Consistency: consistency})
	if err != nil {
		return reply{}, err
	}
	s.metrics.judged(judged)
	body := introspectionBody{
		Active: judged.Active, Reason: judged.Reason, Detail: judged.Detail,
		Consistency:     consistencyOf(judged.Consistency),
		ResourceVersion: judged.Revision,
	}
	if judged.Session != nil {
		session := sessionOf(*judged.Session)
		body.Session = &session
	}
	return reply{body: body, consistency: body.Consistency}, nil
}

func (s *Server) listSessions(ctx context.Context, q *request) (reply, error) {
	app, err := q.application()
	if err != nil {
		return reply{}, err
	}
	o, err := q.listOptions()
	if err != nil {
		return reply{}, err
	}
	list, err := s.engine.SessionsOf(ctx, q.caller, app, o)
	if err != nil {
		return reply{}, err
	}
	return listing(q, list, sessionOf), nil
}

// session returns the application and the session that the path names.
func (q *request) session() (engine.ApplicationID, engine.SessionID, error) {
	app, err := q.application()
	if err != nil {
		return "", "", err
	}
	id, err := q.segment("id")
	return app, engine.SessionID(id), err
}

func (s *Server) getSession(ctx context.Context, q *request) (reply, error) {
	app, id, err := q.session()
	if err != nil {
		return reply{}, err
	}
	found, err := s.engine.Session(ctx, q.caller, app, id)
	return reply{body: sessionOf(found), version: found.Version, consistency: "strict"}, err
}

// endedBody answers what has ended sessions.
type endedBody struct {
	Enforcement *enforcementBody `json:"enforcement"`
}

func (s *Server) endSession(ctx context.Context, q *request) (reply, error) {
	app, id, err := q.session()
	if err != nil {
		return reply{}, err
	}
	return s.answerEnded(ctx, q, app, func() (engine.Enforcement, error) { return s.engine.EndSession(ctx, q.caller, app, id) })
}

func (s *Server) endSessions(ctx context.Context, q *request) (reply, error) {
	app, err := q.application()
	if err != nil {
		return reply{}, err
	}
	endpoint, err := q.segment("endpoint")
	if err != nil {
		return reply{}, err
	}
	return s.answerEnded(ctx, q, app, func() (engine.Enforcement, error) {
		return s.engine.EndSessions(ctx, q.caller, app, engine.EndpointID(endpoint))
	})
}

func (s *Server) answerEnded(ctx context.Context, q *request, app engine.ApplicationID, end func() (engine.Enforcement, error)) (reply, error) {
	if err := q.checkWait(); err != nil {
		return reply{}, err
	}
	done, err := end()
	if err != nil {
		return reply{}, err
	}
	done, status := s.await(ctx, q, done)
	body := endedBody{Enforcement: enforcementOf(done)}
	body.Enforcement.URL = enforcementAtPath(app, done.Revision)
	return reply{status: status, body: body, location: body.Enforcement.URL}, nil
}

// keySetKept is how long those who verify tokens may keep the set of keys. The
// engine publishes a key for twice as long before it signs.
const keySetKept = "public, max-age=300"

func (s *Server) keySet(ctx context.Context, _ *request) (reply, error) {
	set, n, err := s.engine.SessionKeys(ctx)
	answer := reply{text: set, media: "application/jwk-set+json"}
	if n > 0 { // the first key signs at once
		answer.cache = keySetKept
	}
	return answer, err
}
