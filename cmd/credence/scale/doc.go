// Package scale measures a node with many credentials: how fast they are
// imported, what each takes on disk and in memory, whether verification and
// listings stay flat, and how long a start takes. `make scale` runs it; its
// results are in engine/SCALE.md.
package scale
