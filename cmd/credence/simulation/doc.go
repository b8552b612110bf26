// Package simulation runs clusters of three nodes in simulated time, and judges
// what their clients saw by the invariants I1 to I8.
//
// A seed decides over all of a run: what the clients ask and when, how long
// each message between a node and the state takes, which ones are lost, and
// when nodes are cut off, paused, killed and started again, clocks jump and the
// state forgets its past. Nodes are real engines over real caches; the state
// is the store in memory that passes the same suite as etcd's. A failure names
// its seed, and SEED=n replays that one:
//
//	go test ./cmd/credence/simulation              # some seeds
//	SEEDS=10000 go test ./cmd/credence/simulation  # many
//	SEED=4711 go test -v ./cmd/credence/simulation # one, with all that happened
//
// Each decision is a function of the seed and of what it is about (which node,
// which kind of message, at which simulated nanosecond), not of a stream of
// random numbers, so that it does not depend on the order in which goroutines
// ask. What is left to the Go scheduler is the order of goroutines that are
// woken at the same nanosecond, such as those who share one barrier. With one
// thread (GOMAXPROCS=1, as make simulate sets it) about nine seeds in ten go
// exactly the same way twice, and the others differ in who of those came first;
// with the race detector, which shuffles goroutines, hardly any does. A failure
// therefore prints all that happened beside its seed.
//
// What is not simulated: etcd itself, gRPC and HTTP, and a process that is
// stopped between two instructions. A paused node here sends and hears nothing
// and its wall clock stands; that is what the runs with real processes are for
// (cmd/credence/robustness).
package simulation
