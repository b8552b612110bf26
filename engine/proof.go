package engine

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxProofBytes is the most that the challenge and the value of a proof may
// have together: with credentials of the largest body they fit into one
// request to a module.
const MaxProofBytes = 62 << 10

const maxProofTypeBytes = 128

// Proof is what an endpoint shows to prove that it possesses credentials of a
// kind that the engine does not know. The application's service judges it.
type Proof struct {
	Type      string // names the kind of proof, as the service documents it: 1 to 128 printable characters
	Challenge []byte // what the endpoint was asked to answer; may be empty
	Value     []byte // the answer
}

// ProofPolicy says who checks that an endpoint possesses its credentials.
type ProofPolicy string

// The policies.
const (
	ProofGateway  ProofPolicy = "gateway"  // whoever asks has checked it, by mTLS or a handshake; a proof that is given is judged all the same
	ProofRequired ProofPolicy = "required" // a verification without a proof is refused
)

// ProofVerifier is an optional extra of a CredentialsService: it judges proofs.
type ProofVerifier interface {
	// VerifyProof returns nil when the proof shows possession of c, which are
	// the credentials as the service has just answered for them. CodeDenied and
	// CodeInvalid say that it does not; any other error that no decision was
	// reached. It runs in the unit of work of the verification, between the
	// lookup and the claim; what it writes is dropped unless the proof holds.
	VerifyProof(ctx context.Context, tx *Tx, app *Application, c Credentials, p Proof) error
}

func (p *Proof) check() error {
	switch {
	case p == nil:
		return nil
	case p.Type == "" || len(p.Type) > maxProofTypeBytes || !utf8.ValidString(p.Type) ||
		strings.ContainsFunc(p.Type, func(r rune) bool { return !unicode.IsPrint(r) }):
		return Errorf(CodeInvalid, "the type of the proof must be 1 to %d printable characters: the credentials service documents those that it knows", maxProofTypeBytes).InField("/proof/type")
	case len(p.Value) == 0:
		return Errorf(CodeInvalid, "the proof is empty: give what the endpoint showed").InField("/proof/value")
	case len(p.Challenge)+len(p.Value) > MaxProofBytes:
		return Errorf(CodeTooLarge, "the challenge and the value of the proof have %d bytes: at most %d are allowed together", len(p.Challenge)+len(p.Value), MaxProofBytes).InField("/proof")
	}
	return nil
}

func (p ProofPolicy) check() error {
	if p != ProofGateway && p != ProofRequired {
		return Errorf(CodeInvalid, "proofPolicy %.40q is unknown: use %q or %q", string(p), ProofGateway, ProofRequired).InField("/proofPolicy")
	}
	return nil
}

// checkPolicy refuses a policy that would lock every endpoint out.
func (l lease) checkPolicy(app *Application) error {
	if app.ProofPolicy == ProofRequired && l.prover() == nil {
		return Errorf(CodeInvalid, "proofPolicy %q needs a credentials service that judges proofs, and %q does not: choose another service, or the policy %q",
			ProofRequired, l.name, ProofGateway).InField("/proofPolicy")
	}
	return nil
}

func (l lease) prover() ProofVerifier {
	if l.of == nil {
		return nil
	}
	if l.of.guard.prover == nil {
		return nil
	}
	return l.of.guard
}

// prove holds the proof against the application's policy and the service.
// rejected tells that the verdict is a refusal; the error, that there is none.
func (l lease) prove(ctx context.Context, tx *Tx, app *Application, c Credentials, p *Proof) (rejected bool, detail string, err error) {
	switch {
	case p == nil && app.ProofPolicy == ProofRequired:
		return true, "the application requires a proof of possession and none was given", nil
	case p == nil:
		return false, "", nil
	case l.prover() == nil:
		return false, "", Errorf(CodeUnsupported, "the credentials service %q judges no proofs: leave the proof out, or choose another service for the application", l.name).InField("/proof")
	}
	err = l.prover().VerifyProof(ctx, tx, app, c, *p)
	e, ok := asError(err)
	if !ok {
		return false, "", err
	}
	switch e.Code {
	case CodeDenied, CodeInvalid:
		return true, e.Message, nil
	case CodeNotFound, CodeConflict: // no answer to this question, and no fault of the caller
		return false, "", Wrap(err, CodeModuleError, "the credentials service failed to judge the proof: "+e.Message)
	default:
		return false, "", err
	}
}
