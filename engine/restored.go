package engine

import (
	"context"
	"fmt"
	"sync"
)

// restored is what this node knows of restores.
type restored struct {
	mu   sync.Mutex
	now  Generation
	seen Revision // the largest lost one that a client has shown
}

// followGeneration keeps this node informed of restores. Until each is
// acknowledged, the node's account of itself and its log tell of it.
func (e *Engine) followGeneration(ctx context.Context) error {
	return e.follow(ctx, follower{
		prefix: generationKey,
		put: func(_ context.Context, r Record) {
			g, err := decodeGeneration(r)
			if err != nil {
				e.log.Error("the record of restores cannot be read", "error", err)
				return
			}
			e.restored.mu.Lock()
			known := e.restored.now
			e.restored.now = g
			e.restored.mu.Unlock()
			e.reportGeneration()
			switch {
			case !g.Acknowledged() && known.Number != g.Number:
				e.log.Warn("what a restore may have lost is not acknowledged", "problem", g.warning())
			case g.Acknowledged() && known.Number == g.Number && !known.Acknowledged():
				e.log.Info("the restore was acknowledged", "generation", g.Number, "by", g.AcknowledgedBy)
			}
		},
		gone: func(context.Context, string, Revision) {},
	})
}

// reportGeneration puts an unacknowledged restore among the node's problems.
func (e *Engine) reportGeneration() {
	e.restored.mu.Lock()
	g, seen := e.restored.now, e.restored.seen
	e.restored.mu.Unlock()
	if g.Acknowledged() {
		e.ReportProblems("restore", nil)
		return
	}
	words := []string{g.warning()}
	if gap := g.lost(seen); gap != nil {
		words = append(words, fmt.Sprintf("clients know of revision %d, and the backup ends at %d: changes made in between are lost for certain", seen, gap.Kept))
	}
	e.ReportProblems("restore", words)
}

// witness tells whether a revision that a client knows of was lost with a
// restore. That somebody knows of it proves that something was lost, and is
// told among the node's problems.
func (e *Engine) witness(rev Revision) bool {
	e.restored.mu.Lock()
	lost := e.restored.now.lost(rev) != nil
	news := lost && rev > e.restored.seen
	if news {
		e.restored.seen = rev
	}
	e.restored.mu.Unlock()
	if news {
		e.reportGeneration()
	}
	return lost
}

// stillKept refuses a read that builds on a lost revision: no state includes it
// any more.
func (e *Engine) stillKept(c Consistency) error {
	if c.Mode != ModeAtLeast || !e.witness(c.Revision) {
		return nil
	}
	return Errorf(CodeCompacted, "what was changed at revision %d was lost when the state was restored from a backup: ask without this revision", c.Revision)
}
