//go:build mutant_ack

package engine

// awaitAcknowledgements: see mutant_ack_off.go.
const awaitAcknowledgements = false
