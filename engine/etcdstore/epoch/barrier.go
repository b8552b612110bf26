package epoch

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/credence-engine/credence/engine"
)

// mark is a point that the watch has to reach: the epoch, as a linearizable
// read that began at begun found it. Nothing but the end of leases happened
// between the epoch's version and the revision of that read.
type mark struct {
	begun    time.Time // zero: of no read, only a revision to wait for
	revision engine.Revision
	epoch    engine.Record
	reached  chan struct{} // closed when it is, and when the watch ends before
}

func markOf(snap engine.Snapshot, epoch engine.Record, begun time.Time) *mark {
	return &mark{begun: begun, revision: snap.Revision, epoch: epoch, reached: make(chan struct{})}
}

// barrier joins the next read of the epoch and waits until the watch has come
// as far, if it does so soon. What is cached answers the caller once the
// cache's now has reached the returned revision; with an error it does not.
func (s *Store) barrier(ctx context.Context) (engine.Revision, error) {
	s.count.callers.Add(1)
	m, err := s.epochs.join(ctx, s.life, s.spawn, s.readEpoch)
	if err != nil {
		return 0, err
	}
	return m.revision, s.await(ctx, m)
}

// readEpoch asks the store for the last epoch, for all who wait.
func (s *Store) readEpoch(ctx context.Context) (*mark, error) {
	s.count.barriers.Add(1)
	ctx, cancel := context.WithTimeout(ctx, s.options.sharing())
	defer cancel()
	begun := time.Now()
	snap, err := s.under.Read(ctx, engine.Strict, Key)
	if err != nil {
		return nil, err
	}
	m := markOf(snap, snap.Records[0], begun)
	s.cache.expectMark(m)
	return m, nil
}

// await waits until the watch has reached a mark, but not for long: being late
// it must not hold up those who can ask the store.
func (s *Store) await(ctx context.Context, m *mark) error {
	select {
	case <-m.reached:
		return nil
	default:
	}
	timer := time.NewTimer(s.options.Late)
	defer timer.Stop()
	select {
	case <-m.reached:
		return nil
	case <-timer.C:
		s.count.late.Add(1)
		s.cache.giveUp(m)
		return errLate
	case <-ctx.Done():
		return ended(ctx)
	}
}

// expectMark has a mark closed once the watch has come as far.
func (c *cache) expectMark(m *mark) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.up || m.epoch.Version <= c.applied {
		c.reach(m)
		return
	}
	at, _ := slices.BinarySearchFunc(c.marks, m, func(a, b *mark) int { return cmp.Compare(a.epoch.Version, b.epoch.Version) })
	c.marks = slices.Insert(c.marks, at, m)
}

// pass closes the marks that the watch has reached.
func (c *cache) pass() {
	n := 0
	for n < len(c.marks) && c.marks[n].epoch.Version <= c.applied {
		c.reach(c.marks[n])
		n++
	}
	c.marks = slices.Delete(c.marks, 0, n)
	c.late = c.late && len(c.marks) > 0
}

// reach takes from a mark that what is cached holds at its revision.
func (c *cache) reach(m *mark) {
	close(m.reached)
	switch {
	case !c.up || m.begun.IsZero():
	case !c.fits(m.epoch):
		c.forget()
		c.lose(errMisfit)
	default:
		c.now = max(c.now, m.revision)
		if m.begun.After(c.fresh) {
			c.fresh = m.begun
		}
	}
}

// fits tells whether an epoch that was read is one that the watch has told of.
func (c *cache) fits(read engine.Record) bool {
	if read.Version == c.epoch.Version {
		return read.Writes == c.epoch.Writes
	}
	return read.Version < c.epoch.Version && read.Writes < c.epoch.Writes
}

// giveUp notes that the watch is late, unless it has come after all.
func (c *cache) giveUp(m *mark) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-m.reached:
	default:
		c.late = true
	}
}
