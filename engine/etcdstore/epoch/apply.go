package epoch

import (
	"fmt"

	"github.com/credence-engine/credence/engine"
)

// apply takes in one revision of the watch. An error says that something is
// missing, here or before: nothing that is cached can be relied on.
func (c *cache) apply(changes engine.Changes) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.judge(changes); err != nil {
		return fmt.Errorf("revision %d: %w", changes.Revision, err)
	}
	for _, event := range changes.Events {
		if event.Key != Key {
			c.change(event)
		}
	}
	c.applied = changes.Revision
	c.pass()
	return nil
}

// change takes in one event.
func (c *cache) change(event engine.Event) {
	if f := c.fillers[event.Key]; f != nil {
		f.change, f.changed = event, true
	}
	if e, ok := c.recent.Peek(event.Key); ok && event.Version > e.at {
		c.put(recordOf(event), event.Version, event.Version)
	}
}

// judge holds a revision of the watch against its epoch. Only a revision that
// has one moves the cache's now: of what went by without one, such as the end
// of a lease, nobody knows whether anything came before it.
func (c *cache) judge(changes engine.Changes) error {
	if changes.Revision <= c.applied {
		return fmt.Errorf("the watch brought it after %d", c.applied)
	}
	var epoch *engine.Event
	puts, deletes := 0, 0
	for i, e := range changes.Events {
		switch {
		case e.Key == Key:
			epoch = &changes.Events[i]
		case !e.Deleted:
			puts++
		case c.present(e.Key):
			deletes++
		}
	}
	if epoch == nil {
		if puts > 0 || deletes > 0 {
			return fmt.Errorf("it was not written by a node of this release, or a part of it is lost")
		}
		return nil
	}
	if epoch.Deleted || epoch.Writes != c.epoch.Writes+1 {
		return fmt.Errorf("the epoch was written %d times, after %d times before: changes are lost", epoch.Writes, c.epoch.Writes)
	}
	written, deleted, err := readStamp(epoch.Value)
	if err != nil {
		return err
	}
	if written != puts {
		return fmt.Errorf("%d records were told of, of %d written: a part is lost", puts, written)
	}
	for _, key := range deleted {
		c.change(engine.Event{Record: engine.Record{Key: key, Version: changes.Revision}, Deleted: true})
	}
	c.epoch = epoch.Record
	c.now = max(c.now, changes.Revision)
	return nil
}

// present tells whether a record is cached that is not absent.
func (c *cache) present(key string) bool {
	e, ok := c.recent.Peek(key)
	return ok && e.record.Exists()
}
