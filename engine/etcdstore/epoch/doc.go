// Package epoch answers strict reads at the speed of memory. It puts a bounded
// cache before an [engine.Store], and asks that store one question for all who
// read at the same time: which commit was the last one?
//
// Every commit writes one more key, the epoch, so that one linearizable read of
// this key tells how far the state has come. One watch keeps the cache in step
// with all changes. A strict read joins the next read of the epoch that starts,
// waits until the watch has come as far, and is then answered from memory; the
// read of the epoch is the moment at which the answer holds. No clock takes
// part in that.
//
// Watches have been late, and have lost events. So nothing rests on the watch
// alone: epochs are counted without gaps, each says how much its commit has
// written, what is cached is compared with the state again and again, and
// wherever any of this fails the store is asked directly, which is only slower.
package epoch
