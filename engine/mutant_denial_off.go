//go:build !mutant_denial

package engine

// secondDenialCheck: what was denied while a verdict was being reached is
// looked at once more before it is given (I1b). The build tag mutant_denial
// takes the rule away, for the proof that its absence is noticed.
const secondDenialCheck = true
