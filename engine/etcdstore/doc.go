// Package etcdstore keeps the engine's state in etcd: an [engine.Store] on an
// external cluster or on a server embedded in the process. It is the only
// package that knows etcd.
//
// RATIONALE.md says why it is made as it is.
package etcdstore
