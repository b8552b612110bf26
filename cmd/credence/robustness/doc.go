// Package robustness holds the proof with real processes: three nodes and three
// members of etcd under load, of which parts are killed, stopped, cut off,
// slowed down and filled up while they work. What clients see is written down
// and judged.
//
// "make robustness" runs it; see TestTheClusterKeepsItsPromises.
package robustness
