//go:build mutant_publish

package engine

// sessionInVerdict: see mutant_publish_off.go.
const sessionInVerdict = false
