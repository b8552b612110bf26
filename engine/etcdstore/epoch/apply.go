package epoch

import (
	"fmt"
	"strconv"

	"github.com/credence-engine/credence/engine"
)

// apply takes in one revision of the watch. An error says that something is
// missing, here or before: nothing that is cached can be relied on.
func (c *cache) apply(changes engine.Changes) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	epoch, err := c.judge(changes)
	if err != nil {
		return fmt.Errorf("revision %d: %w", changes.Revision, err)
	}
	for _, event := range changes.Events {
		if f := c.fillers[event.Key]; f != nil {
			f.change, f.changed = event, true
		}
		if e, ok := c.recent.Peek(event.Key); ok && event.Version > e.at {
			c.put(recordOf(event), event.Version, event.Version)
		}
	}
	c.applied = changes.Revision
	c.now = max(c.now, c.applied)
	c.epoch = epoch
	c.pass()
	return nil
}

// judge holds a revision of the watch against its epoch, and returns the
// latest epoch.
func (c *cache) judge(changes engine.Changes) (engine.Record, error) {
	if changes.Revision <= c.applied {
		return c.epoch, fmt.Errorf("the watch brought it after %d", c.applied)
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
	switch {
	case epoch == nil && puts == 0 && deletes == 0: // a lease has ended
		return c.epoch, nil
	case epoch == nil:
		return c.epoch, fmt.Errorf("it was not written by a node of this release, or a part of it is lost")
	case epoch.Deleted || epoch.Writes != c.epoch.Writes+1:
		return c.epoch, fmt.Errorf("the epoch was written %d times, after %d times before: changes are lost", epoch.Writes, c.epoch.Writes)
	case string(epoch.Value) != strconv.Itoa(puts):
		return c.epoch, fmt.Errorf("%d records were told of, of %.10q written: a part is lost", puts, epoch.Value)
	}
	return epoch.Record, nil
}

// present tells whether a record is cached that is not absent.
func (c *cache) present(key string) bool {
	e, ok := c.recent.Peek(key)
	return ok && e.record.Exists()
}
