// Package linear holds the linear memories of instances: outside of Go's heap,
// with a budget for all of them together, and with a way to put one back into
// the state that it once had.
//
// Address space is reserved for the most that a memory may grow to, and pages
// are made usable as it grows. So a memory never moves, costs what it uses,
// and goes back to the system when its instance is closed. Systems without
// mmap use slices.
package linear
