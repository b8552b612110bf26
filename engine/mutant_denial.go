//go:build mutant_denial

package engine

// secondDenialCheck: see mutant_denial_off.go.
const secondDenialCheck = false
