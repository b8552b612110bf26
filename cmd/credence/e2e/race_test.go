//go:build race

package e2e

// buildFlags build the program as the tests themselves were built.
var buildFlags = []string{"-race"}
