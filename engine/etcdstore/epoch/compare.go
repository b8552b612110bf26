package epoch

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/credence-engine/credence/engine"
)

const (
	// compareEvery is how often a part of the cache is compared.
	compareEvery = time.Second
	// compareAtLeast is the least size of a part, in records.
	compareAtLeast = 32
)

var errDiverged = errors.New("a cached record is not what the store holds")

// compare holds what is cached against the store, a part of it every second,
// so that each record has its turn within the time of a pass. It finds what no
// epoch can tell of.
func (s *Store) compare() {
	var turn []string // the keys of this pass that are still to come
	part := 0
	for pause(s.life, compareEvery) {
		if len(turn) == 0 {
			turn = s.cache.keys()
			ticks := int(max(s.options.Pass/compareEvery, 1))
			part = max(compareAtLeast, (len(turn)+ticks-1)/ticks)
		}
		batch := turn[:min(part, len(turn))]
		turn = turn[len(batch):]
		for len(batch) > 0 && s.life.Err() == nil {
			n := min(len(batch), engine.MaxCommitChecks)
			if err := s.compareKeys(batch[:n]); err != nil {
				s.count.divergences.Add(1)
				s.health.diverged(err)
				s.log.Error("the cache differed from the store and is dropped: the watch has lost a change; look at the health of etcd", "cause", err)
				s.cache.giveUpWatch(errDiverged)
				turn = nil
				break
			}
			batch = batch[n:]
		}
	}
}

// compareKeys compares records as of one revision. The store being out of
// reach is no difference.
func (s *Store) compareKeys(keys []string) error {
	mine, at := s.cache.copyOf(keys)
	if len(mine) == 0 {
		return nil
	}
	keys = make([]string, len(mine))
	for i, r := range mine {
		keys[i] = r.Key
	}
	snap, err := s.under.Read(s.life, engine.AsOf(at), keys...)
	if err != nil {
		return nil //nolint:nilerr // as said
	}
	s.count.compared.Add(int64(len(mine)))
	for i, r := range snap.Records {
		if r.Version != mine[i].Version || r.Writes != mine[i].Writes || r.Ephemeral || !bytes.Equal(r.Value, mine[i].Value) {
			return fmt.Errorf("as of %d the store holds the version %d of a record and the cache %d", at, r.Version, mine[i].Version)
		}
	}
	return nil
}

// keys are those of all that is cached.
func (c *cache) keys() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Keys()
}

// copyOf returns those records of the keys that are known as of the cache's
// now, and that revision.
func (c *cache) copyOf(keys []string) ([]engine.Record, engine.Revision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	records := make([]engine.Record, 0, len(keys))
	for _, key := range keys {
		if e, ok := c.recent.Peek(key); ok && e.since <= c.now {
			records = append(records, e.record)
		}
	}
	return records, c.now
}
