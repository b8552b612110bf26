package rest

import (
	"context"

	"github.com/credence-engine/credence/engine"
)

type verifyBody struct {
	CredentialsID engine.CredentialsID `json:"credentialsId"`
	EndpointID    engine.EndpointID    `json:"endpointId"`
	PublicKey     []byte               `json:"publicKey"`
	Proof         *proofBody           `json:"proof"`
	Session       *sessionRequest      `json:"session"`
	Consistency   string               `json:"consistency"`
}

// proofBody is a proof of possession as JSON.
type proofBody struct {
	Type      string `json:"type"`
	Challenge []byte `json:"challenge"`
	Value     []byte `json:"value"`
}

func (p *proofBody) proof() *engine.Proof {
	if p == nil {
		return nil
	}
	return &engine.Proof{Type: p.Type, Challenge: p.Challenge, Value: p.Value}
}

// verdictBody is a decision as JSON.
type verdictBody struct {
	Decision        string            `json:"decision"`
	Reason          engine.Reason     `json:"reason,omitzero"`
	Detail          string            `json:"detail,omitzero"`
	Credentials     *credentialsBody  `json:"credentials,omitzero"`
	Registration    *registrationBody `json:"registration,omitzero"`
	Session         *openedBody       `json:"session,omitzero"`
	Consistency     string            `json:"consistency"`
	ResourceVersion engine.Revision   `json:"resourceVersion"`
}

func decisionOf(v engine.Verdict) string {
	if v.Accepted {
		return "ACCEPTED"
	}
	return "REJECTED"
}

func verdictOf(v engine.Verdict) verdictBody {
	body := verdictBody{
		Decision: decisionOf(v), Reason: v.Reason, Detail: v.Detail,
		Consistency:     consistencyOf(v.Consistency),
		ResourceVersion: v.Revision,
	}
	if v.Credentials != nil {
		c := credentialsOf(*v.Credentials)
		body.Credentials = &c
	}
	if v.Registration != nil {
		r := registrationOf(*v.Registration)
		body.Registration = &r
	}
	if v.Session != nil {
		body.Session = &openedBody{ID: v.Session.ID, Token: v.Session.Token, ExpiresAt: v.Session.ExpiresAt}
	}
	return body
}

func (s *Server) verify(ctx context.Context, q *request) (reply, error) {
	app, err := q.application()
	if err != nil {
		return reply{}, err
	}
	in, err := decode[verifyBody](q.body())
	if err != nil {
		return reply{}, err
	}
	consistency, err := parseConsistency(in.Consistency)
	if err != nil {
		return reply{}, err
	}
	ttl, err := in.Session.ttl()
	if err != nil {
		return reply{}, err
	}
	verdict, err := s.engine.Verify(ctx, q.caller, app, engine.VerifyRequest{
		CredentialsID: in.CredentialsID, EndpointID: in.EndpointID, PublicKey: in.PublicKey,
		Proof: in.Proof.proof(), Consistency: consistency, SessionTTL: ttl,
	})
	if err != nil {
		return reply{}, err
	}
	s.metrics.decided(verdict)
	return reply{body: verdictOf(verdict), consistency: consistencyOf(verdict.Consistency)}, nil
}
