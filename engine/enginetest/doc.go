// Package enginetest holds what tests of the engine and of its neighbours
// share: the conformance suites that every [engine.Store] and every
// [engine.CredentialsService] passes, a store in memory that passes its suite
// too, a link over which nodes reach it, and a store that fails on demand.
//
// Only tests import it.
package enginetest
