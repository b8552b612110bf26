//go:build !mutant_ack

package engine

// awaitAcknowledgements: a receipt says ENFORCED only when all nodes have
// acknowledged (I1b, I4). The build tag mutant_ack takes the rule away, for the
// proof that its absence is noticed.
const awaitAcknowledgements = true
