//go:build mutant_barrier

package epoch

const strictReadsWait = false
