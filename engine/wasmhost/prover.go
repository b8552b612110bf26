package wasmhost

import (
	"context"

	"github.com/credence-engine/credence/engine"
)

// prover is a service whose module judges proofs. The others do not have the
// method, so that the engine knows it without asking.
type prover struct{ *service }

// offered is the service with the extras that its module offers.
func (s *service) offered() engine.RunningService {
	if s.methods[verifyProof] {
		return prover{s}
	}
	return s
}

// VerifyProof asks the module whether a proof shows possession of credentials.
func (p prover) VerifyProof(ctx context.Context, tx *engine.Tx, app *engine.Application, c engine.Credentials, proof engine.Proof) error {
	o := operation{method: verifyProof, asked: c, proof: proof}
	return p.serve(ctx, tx, app, &o)
}
