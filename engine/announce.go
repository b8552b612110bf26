package engine

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// announceEvery is how often a node looks whether its record is still there: a
// node that was out of touch is back that soon. farewellTimeout bounds the
// removal of the record at the end. joinAgain is when an announcement that has
// not come back by the watch is made anew.
const (
	announceEvery   = 2 * time.Second
	joinAgain       = 500 * time.Millisecond
	farewellTimeout = time.Second
)

// self is this node's own account of itself.
type self struct {
	node     Node        // as it began; Services and Candidates are the registry's
	anew     atomic.Bool // something was missed: an announcement is to show up to where
	joined   time.Time   // when the last announcement that is to open the fence was made
	version  Revision    // of the last announcement
	mu       sync.Mutex
	problems map[string][]string // by what has them
}

// announce keeps this node's record in step with what the registry says, until
// ctx is done; then it takes the record away. While the fence is shut each
// announcement is to open it.
func (e *Engine) announce(ctx context.Context) error {
	timer := time.NewTicker(announceEvery)
	defer timer.Stop()
	defer e.leave()
	failing := false
	for {
		err := e.announceOnce(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			e.log.Warn("this node cannot announce itself, and decides nothing until it can", "node", e.self.node.ID, "error", err)
		}
		failing = err != nil
		var rejoin <-chan time.Time
		if !e.fence.isOpen() {
			rejoin = time.After(joinAgain)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-e.services.changed:
		case <-rejoin:
		case <-timer.C:
			e.services.dropCandidates(func(c *candidate) bool { return time.Since(c.since) > candidateKept })
		}
	}
}

// announceOnce writes the record unless it is there as it should be.
func (e *Engine) announceOnce(ctx context.Context) error {
	node := e.self.node
	node.Services, node.Candidates = e.services.account()
	node.Problems = e.problems()
	value, err := encode(node)
	if err != nil {
		return err
	}
	key := nodeKey(node.ID)
	snap, err := e.store.Read(ctx, Strict, key)
	if err != nil {
		return err
	}
	found := snap.Records[0]
	if other, err := decodeNode(found); found.Exists() && err == nil && other.Started.After(node.Started) {
		return Errorf(CodeConflict, "another process, at %s, announces itself under this node's id: give each a node.id of its own", other.Address)
	}
	anew := e.self.anew.Swap(false)
	joins := anew || !e.fence.isOpen() && time.Since(e.self.joined) >= joinAgain
	if bytes.Equal(found.Value, value) && !joins {
		return nil
	}
	err = e.writeAnnouncement(ctx, found, value, joins)
	if err != nil && anew {
		e.self.anew.Store(true)
	}
	return err
}

// writeAnnouncement takes the place of the record that was found. One that
// joins leaves an entry in the audit, as everything does that streams of events
// must have come past.
func (e *Engine) writeAnnouncement(ctx context.Context, found Record, value []byte, joins bool) error {
	tx := &Tx{store: e.store, caller: Caller{User: "engine"}}
	tx.write(Write{Key: found.Key, Value: value, Ephemeral: true})
	commit := Commit{Checks: []Check{{Key: found.Key, Version: found.Version}}, Urgent: joins}
	if joins {
		tx.audit("node.join", "", lastSegment(found.Key))
		marker, err := tx.saveAudit(e.now())
		if err != nil {
			return err
		}
		commit.Marker = marker
	}
	commit.Writes = tx.writes
	rev, err := e.store.Commit(ctx, commit)
	if err != nil {
		return err
	}
	e.self.version = rev
	if joins {
		e.self.joined = time.Now()
		if e.fence.committed(rev) {
			e.roster.prove(rev)
		}
	}
	return nil
}

// announceAnew has this node join once more, for what it has missed.
func (e *Engine) announceAnew() {
	e.self.anew.Store(true)
	e.services.tell()
}

// leave takes this node off the list, unless another process has taken its
// place there. What fails here the lease does later.
func (e *Engine) leave() {
	e.fence.shut()
	ctx, cancel := context.WithTimeout(context.Background(), farewellTimeout)
	defer cancel()
	id := e.self.node.ID
	_, _ = e.store.Commit(ctx, Commit{
		Checks: []Check{{Key: nodeKey(id), Version: e.self.version}},
		Writes: []Write{{Key: nodeKey(id), Delete: true}, {Key: ackKey(id), Delete: true}},
	})
}

// ReportProblems puts what an operator should see to into this node's record,
// in the place of what was said of the same source before. None: all is well.
func (e *Engine) ReportProblems(source string, words []string) {
	e.self.mu.Lock()
	defer e.self.mu.Unlock()
	if e.self.problems == nil {
		e.self.problems = map[string][]string{}
	}
	e.self.problems[source] = words
	e.services.tell()
}

func (e *Engine) problems() []string {
	e.self.mu.Lock()
	defer e.self.mu.Unlock()
	var all []string
	for _, source := range slices.Sorted(maps.Keys(e.self.problems)) {
		for _, words := range e.self.problems[source] {
			all = append(all, source+": "+shortened(words))
		}
	}
	return all
}

// maxDetailBytes bounds what a node says of one failure or problem.
const maxDetailBytes = 512

// wordsOf is what may be shown of an error.
func wordsOf(err error) string {
	words := "a defect of the node: see its log"
	if e, ok := asError(err); ok {
		words = e.Message
	}
	return shortened(words)
}

func shortened(words string) string {
	if len(words) > maxDetailBytes {
		words = strings.ToValidUTF8(words[:maxDetailBytes], "") + "…"
	}
	return words
}
