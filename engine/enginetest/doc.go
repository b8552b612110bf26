// Package enginetest holds what tests of the engine and of its neighbours
// share: the conformance suite that every [engine.Store] passes, a store in
// memory that passes it too, and a store that fails on demand.
//
// Only tests import it.
package enginetest
