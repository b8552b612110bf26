//go:build wasip1

package proof

import "github.com/credence-engine/credence/wasmabi/guest/internal/export"

//go:wasmexport verify_proof
func verifyProof(length uint32) int32 { return export.VerifyProof(length) }
