// Package e2e holds the tests of the whole program: the real binary, real
// processes, real signals, a real HTTP client.
package e2e
