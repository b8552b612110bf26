package engine

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// announceEvery is how often a node looks whether its record is still there: a
// node that was out of touch is back that soon. farewellTimeout bounds the
// removal of the record at the end.
const (
	announceEvery   = 2 * time.Second
	farewellTimeout = time.Second
)

// self is this node's own account of itself.
type self struct {
	node     Node // as it began; Services and Candidates are the registry's
	mu       sync.Mutex
	problems map[string][]string // by what has them
}

// announce keeps this node's record in step with what the registry says, until
// ctx is done; then it takes the record away.
func (e *Engine) announce(ctx context.Context) error {
	timer := time.NewTicker(announceEvery)
	defer timer.Stop()
	defer e.leave()
	failing := false
	for {
		err := e.announceOnce(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			e.log.Warn("this node cannot announce itself; deployments do not wait for it until it can", "node", e.self.node.ID, "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-e.services.changed:
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
	if bytes.Equal(found.Value, value) {
		return nil
	}
	if other, err := decodeNode(found); found.Exists() && err == nil && other.Started.After(node.Started) {
		e.log.Warn("another process announces itself under this node's id: give each a node.id of its own", "node", node.ID, "address", other.Address)
	}
	_, err = e.store.Commit(ctx, Commit{Writes: []Write{{Key: key, Value: value, Ephemeral: true}}})
	return err
}

// leave takes this node off the list. What fails here the lease does later.
func (e *Engine) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), farewellTimeout)
	defer cancel()
	_, _ = e.store.Commit(ctx, Commit{Writes: []Write{{Key: nodeKey(e.self.node.ID), Delete: true}}})
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
