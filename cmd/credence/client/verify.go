package client

import (
	"context"
	"net/http"
)

// VerifyRequest asks whether an endpoint may connect.
type VerifyRequest struct {
	CredentialsID string `json:"credentialsId"`
	// EndpointID is the endpoint that connects; empty: the credentials id.
	EndpointID string `json:"endpointId,omitempty"`
	// PublicKey, when given, must hash to the credentials id.
	PublicKey []byte `json:"publicKey,omitempty"`
	// Proof, when given, must hold in the eyes of the credentials service.
	Proof *Proof `json:"proof,omitempty"`
	// Session, when given, asks for a session if the endpoint is accepted.
	Session *SessionRequest `json:"session,omitempty"`
	// Consistency is strict, bounded=<ms> or at-least=<resourceVersion>;
	// empty: strict.
	Consistency string `json:"consistency,omitempty"`
}

// Proof shows possession of credentials, in a form that the credentials service
// understands.
type Proof struct {
	Type      string `json:"type"`
	Challenge []byte `json:"challenge,omitempty"`
	Value     []byte `json:"value"`
}

// Verdict is a decision.
type Verdict struct {
	Decision        string         `json:"decision"` // ACCEPTED or REJECTED
	Reason          string         `json:"reason"`
	Detail          string         `json:"detail"`
	Credentials     *Credentials   `json:"credentials"`
	Registration    *Registration  `json:"registration"`
	Session         *OpenedSession `json:"session"`
	Consistency     string         `json:"consistency"`
	ResourceVersion int64          `json:"resourceVersion"`
}

// Accepted tells whether the endpoint may connect.
func (v Verdict) Accepted() bool { return v.Decision == "ACCEPTED" }

// Verify asks for a decision. Without one there is an error, and the endpoint
// must not be let in.
func (c *Client) Verify(ctx context.Context, app string, r VerifyRequest) (Answer[Verdict], error) {
	return call[Verdict](ctx, c, request{method: http.MethodPost, path: at("v1", "applications", app, "verify"), body: r})
}
