//go:build !mutant_compare

package engine

// commitsCompare is the rule that a commit checks all that its unit of work has
// read. Built with the tag mutant_compare it is broken, which the proof has to
// notice.
const commitsCompare = true
