// Package export connects package guest with the exports that live in packages
// of their own, so that a module has them only when its code asks for them. A Go
// module exports whatever a package that is linked into it exports.
package export

var (
	// VerifyProof serves verify_proof. Package guest sets it.
	VerifyProof func(length uint32) int32
	// ProofsOffered tells that verify_proof is exported. Package proof sets it.
	ProofsOffered bool
)
