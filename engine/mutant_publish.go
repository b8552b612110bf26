//go:build mutant_publish

package engine

// sessionInVerdict: see mutant_session.go.
const sessionInVerdict = false
