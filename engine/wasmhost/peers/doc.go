// Package peers measures one lookup, about 60 bytes in and 350 out, through
// what somebody would use instead of this host, in the same run as the host.
// It is a module of its own, so that the peers do not become dependencies of
// the engine. Run it with `make bench-peers`.
package peers
