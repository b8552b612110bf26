// Package proof registers credentials services that judge proofs. It exports
// verify_proof, which package guest alone does not: the engine takes that
// export for the service's word that it can tell a proof that holds from one
// that does not, and refuses proofs for a module without it.
package proof

import (
	"github.com/credence-engine/credence/wasmabi/guest"
	"github.com/credence-engine/credence/wasmabi/guest/internal/export"
)

// Service is a credentials service that judges proofs.
type Service interface {
	guest.Service
	guest.ProofVerifier
}

// Register makes s the service of this module, as guest.Register does for
// those that judge no proofs. Call it once, from init.
func Register(s Service) {
	export.ProofsOffered = true
	guest.Register(s)
}
