//go:build !mutant_barrier

package epoch

// strictReadsWait is the rule that a strict read waits for the barrier. Built
// with the tag mutant_barrier it is broken, which the proof has to notice.
const strictReadsWait = true
