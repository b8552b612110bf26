package guest

import "github.com/credence-engine/credence/wasmabi/guest/internal/export"

// Register makes s the service of this module. Call it once, from init: main
// never runs in a module. A service that judges proofs is registered by package
// proof instead.
func Register(s Service) {
	if s == nil {
		panic("guest: Register(nil): give a service")
	}
	if _, ok := s.(ProofVerifier); ok && !export.ProofsOffered {
		panic("guest: the service judges proofs: register it with proof.Register, which exports verify_proof")
	}
	if registered != nil {
		panic("guest: Register was called twice: a module holds one service")
	}
	registered = s
	bind(s)
}

var registered Service
