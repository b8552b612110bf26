package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// DefaultEventStreams is how many streams of events a node serves at once.
const DefaultEventStreams = 256

const (
	// backlogRevisions and backlogBytes bound the changes that a node keeps for
	// its streams. A stream that falls further behind is cut.
	backlogRevisions = 4096
	backlogBytes     = 8 << 20
	// reachTimeout is how long a stream may take to write what has happened
	// before others stop waiting for it.
	reachTimeout = time.Second
	// cutTimeout is how long a stream that was cut may take to end.
	cutTimeout = time.Second
)

const actionNodeStart = "node.start"

// Why a stream was cut, in words for its reader.
var (
	errStreamSlow  = Errorf(CodeExhausted, "the stream was cut, because events were not read as fast as they came: connect again with the last id, and read faster")
	errStreamLost  = Errorf(CodeUnavailable, "this node has lost sight of the state: connect again with the last id, perhaps to another node")
	errStreamsOver = Errorf(CodeUnavailable, "this node is shutting down: connect again with the last id, to another node")
)

// streams are the open streams of events of a node. One watch of the audit
// entries feeds them all. Each entry is kept for a while, and each stream knows
// how far it has come, so that a slow one holds up nobody: it is overtaken,
// and cut.
type streams struct {
	limit int

	mu        sync.Mutex // guards what follows
	following bool
	base      Revision // what happened up to here is not in the backlog
	head      Revision // all that happened up to here is known
	backlog   []moment // of the revisions above base, up to head
	bytes     int
	open      map[*EventStream]struct{}
	promised  Revision           // what others were told that the streams have reached, or were cut
	feed      context.CancelFunc // of the present watch
	cuts      int64
	moved     chan struct{} // closed when the backlog grows or following changes
	written   chan struct{} // closed when a stream has written; nil while nobody waits
}

// moment is what happened at one revision. It never changes.
type moment struct {
	revision Revision
	bytes    int
	entries  func() ([]AuditEntry, error)
}

func newStreams(limit int) *streams {
	if limit == 0 {
		limit = DefaultEventStreams
	}
	return &streams{limit: limit, open: map[*EventStream]struct{}{}, moved: make(chan struct{})}
}

// momentOf decodes when the first stream asks for it, and once.
func momentOf(c Changes) moment {
	m := moment{revision: c.Revision}
	for _, event := range c.Events {
		m.bytes += len(event.Key) + len(event.Value)
	}
	m.entries = sync.OnceValues(func() ([]AuditEntry, error) {
		entries := make([]AuditEntry, 0, len(c.Events))
		for _, event := range c.Events {
			if event.Deleted {
				continue
			}
			entry, err := decodeAuditEntry(event.Record)
			if err != nil {
				return nil, err
			}
			entries = append(entries, entry)
		}
		return entries, nil
	})
	return m
}

// followEvents keeps the backlog in step with the store until ctx is done. Then
// all streams end.
func (e *Engine) followEvents(ctx context.Context) error {
	s := e.streams
	defer s.stop(errStreamsOver)
	for ctx.Err() == nil {
		err := e.feedEvents(ctx)
		if ctx.Err() != nil {
			break
		}
		if errors.Is(err, ErrCompacted) { // something may be missing
			s.stop(errStreamLost)
		}
		e.log.Warn("lost sight of what happens, looking again: streams of events wait", "error", err)
		select {
		case <-time.After(followRetry):
		case <-ctx.Done():
		}
	}
	return nil
}

// feedEvents goes on where the backlog ends. An empty one begins with an entry
// of this node's own, so that a stream that reads what came before it is sure
// to meet it, and knows that it is complete.
func (e *Engine) feedEvents(ctx context.Context) error {
	after, following := e.streams.position()
	if !following {
		var err error
		if after, err = e.recordStart(ctx); err != nil {
			return err
		}
		e.streams.start(after)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e.streams.fedBy(cancel)
	for changes, err := range e.store.Watch(ctx, auditPrefix, after) {
		if err != nil {
			return err
		}
		e.streams.add(momentOf(changes))
	}
	return errWatchSilent
}

var errWatchSilent = errors.New("a watch has not told of what is known to have happened")

func (s *streams) fedBy(cancel context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feed = cancel
}

// recordStart notes in the audit that this node looks at what happens.
func (e *Engine) recordStart(ctx context.Context) (Revision, error) {
	tx := &Tx{store: e.store, caller: Caller{User: "engine"}}
	tx.audit(actionNodeStart, "", string(e.self.node.ID))
	marker, err := tx.saveAudit(e.now())
	if err != nil {
		return 0, err
	}
	return e.store.Commit(ctx, Commit{Writes: tx.writes, Marker: marker})
}

func (s *streams) position() (head Revision, following bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.head, s.following
}

// start begins an empty backlog after a revision.
func (s *streams) start(at Revision) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.following, s.base, s.head, s.backlog, s.bytes = true, at, at, nil, 0
	s.wake()
}

// stop ends all streams and the backlog.
func (s *streams) stop(why *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.following = false
	s.cutOpen(why)
	s.wake()
}

// add appends to the backlog and drops what is too much of it, with the
// streams that still need it.
func (s *streams) add(m moment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.backlog, s.head, s.bytes = append(s.backlog, m), m.revision, s.bytes+m.bytes
	dropped := 0
	for s.bytes > backlogBytes || len(s.backlog)-dropped > backlogRevisions {
		s.bytes -= s.backlog[dropped].bytes
		s.base = s.backlog[dropped].revision
		dropped++
	}
	if s.backlog = s.backlog[dropped:]; dropped > 0 {
		for stream := range s.open {
			if stream.live && stream.at < s.base {
				s.cut(stream, errStreamSlow)
			}
		}
	}
	s.wake()
}

// wake tells all who wait for the backlog.
func (s *streams) wake() {
	close(s.moved)
	s.moved = make(chan struct{})
}

// after returns what the backlog holds after a revision, and a channel that is
// closed when there is more. Complete is false when it begins too late.
func (s *streams) after(at Revision) (news []moment, more <-chan struct{}, complete bool) {
	first, found := slices.BinarySearchFunc(s.backlog, at, func(m moment, at Revision) int { return int(m.revision - at) })
	if found {
		first++
	}
	return s.backlog[first:], s.moved, s.following && at >= s.base
}

// progressed tells those who wait for streams that one has moved.
func (s *streams) progressed() {
	if s.written != nil {
		close(s.written)
		s.written = nil
	}
}

// cut ends a stream. The stream closes itself when it notices, which is soon.
func (s *streams) cut(stream *EventStream, why *Error) {
	if _, open := s.open[stream]; !open {
		return
	}
	delete(s.open, stream)
	s.cuts++
	stream.cancel(why)
	s.progressed()
}

func (s *streams) cutOpen(why *Error) {
	for stream := range s.open {
		s.cut(stream, why)
	}
}

// cutAll ends all open streams, for a reason that their readers are told, and
// returns when they have ended.
func (s *streams) cutAll(why *Error) {
	s.mu.Lock()
	cut := s.all()
	s.cutOpen(why)
	s.mu.Unlock()
	awaitEnd(cut)
}

func (s *streams) all() []*EventStream {
	all := make([]*EventStream, 0, len(s.open))
	for stream := range s.open {
		all = append(all, stream)
	}
	return all
}

// reached returns when each open stream has written all that happened up to a
// revision at which there is an audit entry. Streams that have not done so in
// time are cut before it returns, and none comes to the present before that
// revision any more. It fails when ctx ends earlier.
func (s *streams) reached(ctx context.Context, at Revision) error {
	s.mu.Lock()
	s.promised = max(s.promised, at)
	s.mu.Unlock()
	timer := time.NewTimer(reachTimeout)
	defer timer.Stop()
	for {
		late, written := s.behind(at)
		if len(late) == 0 {
			return nil
		}
		select {
		case <-written:
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			late, _ = s.behind(at)
			s.mu.Lock()
			for _, stream := range late {
				s.cut(stream, errStreamSlow)
			}
			if s.head < at && s.feed != nil {
				s.feed() // the watch itself is late: begin another
			}
			s.mu.Unlock()
			awaitEnd(late)
			return nil
		}
	}
}

// behind returns the open streams that have not written up to a revision, and
// a channel that is closed when one writes or ends.
func (s *streams) behind(at Revision) (late []*EventStream, written <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for stream := range s.open {
		if stream.wrote < at {
			late = append(late, stream)
		}
	}
	if s.written == nil {
		s.written = make(chan struct{})
	}
	return late, s.written
}

// awaitEnd waits a moment for streams that were cut.
func awaitEnd(cut []*EventStream) {
	timer := time.NewTimer(cutTimeout)
	defer timer.Stop()
	for _, stream := range cut {
		select {
		case <-stream.ended:
		case <-timer.C:
			return
		}
	}
}

// EventStreams returns how many streams of events are open on this node, and
// how many it has cut since its start.
func (e *Engine) EventStreams() (open int, cut int64) {
	e.streams.mu.Lock()
	defer e.streams.mu.Unlock()
	return len(e.streams.open), e.streams.cuts
}
