package guest

import "github.com/credence-engine/credence/wasmabi"

type (
	// Credentials is what a service knows under one id.
	Credentials = wasmabi.Credentials
	// CredentialsStatus is where they stand in their life.
	CredentialsStatus = wasmabi.CredentialsStatus
)

// The statuses of [Credentials].
const (
	Available = wasmabi.Available
	InUse     = wasmabi.InUse
	Revoked   = wasmabi.Revoked
)

// Service is what every credentials service offers.
//
// Calls of one instance come one after the other. What a method is given it
// may keep, except for the Call, which ends with the method. (A string that is
// kept holds on to 4 KiB: strings.Clone it when keeping many.)
type Service interface {
	// Lookup returns the credentials with exactly this id, with their status;
	// [ErrNotFound] when there are none; an error made by [Refuse] when they
	// must not be accepted. It is on the path of every connection, and should
	// write no state.
	Lookup(c *Call, id string) (Credentials, error)
}

// Provider takes credentials in.
type Provider interface {
	// Provide registers credentials, or refuses. It returns them with the same
	// id and body and the status Available. The same ones may come again.
	Provide(c *Call, in Credentials) (Credentials, error)
}

// InUseMarker wants to know when an endpoint first claims credentials.
type InUseMarker interface {
	// MarkInUse runs in the transaction of the claim; an error refuses it.
	MarkInUse(c *Call, id string) error
}

// RevokedMarker wants to know when credentials are revoked.
type RevokedMarker interface {
	// MarkRevoked runs after the revocation, which it cannot prevent, and again
	// until it succeeds.
	MarkRevoked(c *Call, id string) error
}

// Proof is what an endpoint shows to prove that it possesses credentials.
type Proof struct {
	// Type names the kind of proof, 1 to 128 characters; a service documents
	// those that it knows.
	Type string
	// Challenge is what the endpoint was asked to answer; it may be empty.
	Challenge []byte
	// Value is the answer.
	Value []byte
}

// ProofVerifier judges proofs of a kind that the engine does not know. Register
// such a service with package proof.
type ProofVerifier interface {
	// VerifyProof returns nil when the proof shows possession of the
	// credentials, which are those that Lookup has just answered; an error made by [Refuse],
	// or of the status InvalidArgument, when it does not. Any other error says
	// that there is no decision: the endpoint is not let in either.
	//
	// It runs in the transaction of the verification, before the claim. What it
	// writes is dropped unless the proof holds.
	VerifyProof(c *Call, of Credentials, p Proof) error
}

// Configurer has a configuration.
type Configurer interface {
	// Configure is called once, before any other method, with the service's
	// configuration, a JSON text, {} if there is none. An error refuses the deployment; its text
	// should say what to change.
	Configure(config []byte) error
}
