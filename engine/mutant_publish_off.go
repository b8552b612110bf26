//go:build !mutant_publish

package engine

// sessionInVerdict: a session is written in the transaction of the verdict that
// opens it (I4). The build tag mutant_publish takes the rule away, for the
// proof that its absence is noticed.
const sessionInVerdict = true
