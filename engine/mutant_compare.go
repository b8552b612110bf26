//go:build mutant_compare

package engine

const commitsCompare = false
