package simulation

import (
	"strings"
	"time"

	"github.com/credence-engine/credence/engine/enginetest"
)

// fate decides over a message between the node and the state.
func (n *node) fate(m enginetest.Message) enginetest.Fate {
	w := n.world
	kind, _, _ := strings.Cut(m.Key, "/")
	c := w.chance.about("message", m.What, kind).number(uint64(n.number))
	if m.Answer {
		c = c.about("answer")
	}
	if m.Revision != 0 {
		c = c.number(uint64(m.Revision))
	} else {
		c = c.number(uint64(w.elapsed()))
	}
	p := &w.plan
	fate := enginetest.Fate{Delay: c.between(p.lag/10, p.lag)}
	if w.quiet.Load() {
		return fate
	}
	if c.about("slow").percent(p.slow) {
		fate.Delay = c.between(p.lag, p.tail)
	}
	if m.What == "renew" && n.starved.Load() {
		fate.Lost = true
	}
	if m.What == "watch" {
		fate.Delay = max(fate.Delay, time.Duration(n.stalled.Load())-w.elapsed())
		fate.Lost = p.forgetful && c.about("lost").percent(4)
		fate.Torn = p.forgetful && c.about("torn").percent(4)
		fate.Ended = p.interrupted && c.about("ended").percent(3)
		return fate
	}
	fate.Lost = fate.Lost || c.about("lost").percent(p.lost)
	return fate
}

// harm does a fault and undoes it when its time is over.
func (w *world) harm(f fault) {
	n := w.nodes[f.node]
	w.tellf("node %d: %s for %v", f.node, f.harm, f.last)
	switch f.harm {
	case cutBoth:
		n.cut(true, true)
	case cutThere:
		n.cut(true, false)
	case cutBack:
		n.cut(false, true)
	case stop:
		n.pause()
	case kill:
		n.resume()
		n.stop(true)
	case restart:
		n.resume()
		n.stop(false)
	case starve:
		n.starved.Store(true)
	case stall:
		n.stalled.Store(int64(w.elapsed() + f.last))
	case jump:
		n.jump(w.chance.about("jump").number(uint64(f.at)).between(-time.Hour, time.Hour))
		return
	case compact:
		w.compact()
		return
	}
	time.Sleep(f.last)
	w.tellf("node %d: %s is over", f.node, f.harm)
	w.mend(n)
}

// mend undoes what was done to a node.
func (w *world) mend(n *node) {
	n.resume()
	n.cut(false, false)
	n.starved.Store(false)
	n.mu.Lock()
	dead := n.now == nil
	n.mu.Unlock()
	if dead {
		n.start()
	}
}
