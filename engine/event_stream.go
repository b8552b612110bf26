package engine

import (
	"context"
	"errors"
	"slices"
	"time"
)

// maxBatch is how many events are handed out at once, unless more of them share
// a revision.
const maxBatch = 256

// startTimeout is how long the opening of a stream waits for a node that begins
// to follow the state.
const startTimeout = 2 * time.Second

// EventStream hands out events in the order of their revisions. One goroutine
// reads it with Next, and closes it.
type EventStream struct {
	of     *streams
	store  Store
	filter EventFilter
	life   context.Context //nolint:containedctx // ends, with the reason, when the stream is cut or closed
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed by Close

	// Guarded by of.mu. Only the reader changes them.
	at    Revision // what happened up to here has been handed out
	wrote Revision // and up to here written, as far as the reader has said
	live  bool     // reads the backlog
	told  bool     // that it has come to the present
}

// EventBatch is all that a stream's filter lets through of what happened up to
// Revision, since the batch before.
type EventBatch struct {
	Revision Revision
	Events   []DomainEvent
	// Live tells that the stream has just come to the present: what happens
	// from here on comes at once, and whoever waits for the streams of this node
	// waits for this one.
	Live bool
}

// Events opens a stream of what happens after a revision; 0 is from now on.
// The reader calls Next until that fails, then Close. ctx bounds the opening
// only.
//
// Errors: CodeNotFound when the filter names an application that the scope
// does not have, CodeCompacted when the changes after the revision are no
// longer kept, CodeExhausted when too many streams are open, CodeUnavailable
// when this node does not follow the state (yet), or is out of touch with the
// others.
func (e *Engine) Events(ctx context.Context, f EventFilter, after Revision) (*EventStream, error) {
	if f.Application != "" {
		if _, err := e.Application(ctx, Caller{Tenant: f.Scope.Tenant}, f.Application); err != nil {
			return nil, err
		}
	}
	if err := e.fence.enter(ctx); err != nil {
		return nil, err
	}
	if err := e.streams.awaitStart(ctx); err != nil {
		return nil, err
	}
	if err := e.canResume(ctx, after); err != nil {
		return nil, err
	}
	stream, err := e.streams.join(e.store, f, after)
	if err != nil {
		return nil, err
	}
	if err := e.fence.enter(ctx); err != nil { // what was open when the fence shut is cut, and this one was not
		stream.Close()
		return nil, err
	}
	return stream, nil
}

// awaitStart waits a moment until this node follows the state.
func (s *streams) awaitStart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		s.mu.Lock()
		following, moved := s.following, s.moved
		s.mu.Unlock()
		if following {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return Wrap(ctx.Err(), CodeUnavailable, "this node does not see yet what happens: try again, or ask another one")
		}
	}
}

// canResume tells whether what happened after a revision can still be told.
func (e *Engine) canResume(ctx context.Context, after Revision) error {
	e.streams.mu.Lock()
	base, head := e.streams.base, e.streams.head
	e.streams.mu.Unlock()
	if after == 0 || base <= after && after <= head {
		return nil
	}
	if after < base {
		_, err := e.store.Read(ctx, AsOf(after), auditPrefix)
		if CodeOf(err) == CodeCompacted {
			return errTooOld
		}
		return err
	}
	now, err := e.store.Read(ctx, Strict, auditPrefix)
	if err == nil && now.Revision < after {
		return Errorf(CodeCompacted, "the state has not come to revision %d: it was perhaps restored from a backup. Connect without a last id, and ask anew for all that matters", after)
	}
	return err
}

var errTooOld = Errorf(CodeCompacted, "what happened after this revision is no longer kept: connect without a last id, and ask anew for all that matters")

// join adds a stream.
func (s *streams) join(store Store, f EventFilter, after Revision) (*EventStream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.following:
		return nil, errStreamLost
	case len(s.open) >= s.limit:
		return nil, Errorf(CodeExhausted, "this node serves %d streams of events and takes no more: connect to another node, or raise http.maxEventStreams", s.limit)
	case after == 0:
		after = s.head
	}
	stream := &EventStream{of: s, store: store, filter: f, at: after, wrote: after, ended: make(chan struct{})}
	stream.life, stream.cancel = context.WithCancelCause(context.Background())
	s.open[stream] = struct{}{}
	return stream, nil
}

// Life is done when the stream was cut; what it still writes will not be
// waited for. Its cause is an *Error for the reader.
func (s *EventStream) Life() context.Context { return s.life }

// Close ends the stream.
func (s *EventStream) Close() {
	s.of.mu.Lock()
	delete(s.of.open, s)
	s.of.progressed()
	s.of.mu.Unlock()
	s.cancel(errStreamsOver)
	select {
	case <-s.ended:
	default:
		close(s.ended)
	}
}

// Next returns the next batch. To call it says that the batch before has been
// written: others wait for that. After patience a batch without events tells
// how far the stream has come. The error is an *Error for the reader when the
// stream was cut, and else ctx's.
func (s *EventStream) Next(ctx context.Context, patience time.Duration) (EventBatch, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	for {
		batch, more, err := s.take(ctx)
		switch {
		case s.life.Err() != nil:
			return EventBatch{}, context.Cause(s.life)
		case err != nil:
			return EventBatch{}, err
		case len(batch.Events) > 0 || batch.Live:
			return batch, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
		}
		switch {
		case ctx.Err() == nil || s.life.Err() != nil:
		case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
			return batch, nil
		default:
			return EventBatch{}, ctx.Err()
		}
	}
}

// take returns what there is, and where to wait for more.
func (s *EventStream) take(ctx context.Context) (EventBatch, <-chan struct{}, error) {
	s.of.mu.Lock()
	s.wrote = s.at
	s.of.progressed()
	news, more, complete := s.of.after(s.at)
	s.live = complete
	promised := s.of.promised
	s.of.mu.Unlock()
	if !complete {
		batch, err := s.replay(ctx)
		return batch, closed, err
	}
	batch := EventBatch{Revision: s.at}
	defer func() { s.advance(batch) }()
	for _, m := range news {
		if err := s.collect(&batch, m); err != nil || len(batch.Events) >= maxBatch {
			return batch, closed, err
		}
	}
	if !s.told && batch.Revision >= promised {
		batch.Live, s.told = true, true
	}
	return batch, more, nil
}

// closed is for those who need not wait.
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// advance notes how far the stream has come. Where there is nothing to write,
// it is written.
func (s *EventStream) advance(batch EventBatch) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.at = batch.Revision
	if len(batch.Events) == 0 {
		s.wrote = s.at
		s.of.progressed()
	}
}

// replay reads what happened before the backlog begins from the store. The
// watch is closed before anybody has to wait for the reader, so nothing piles
// up behind a slow one.
func (s *EventStream) replay(ctx context.Context) (EventBatch, error) {
	batch := EventBatch{Revision: s.at}
	defer func() { s.advance(batch) }()
	for changes, err := range s.store.Watch(ctx, auditPrefix, s.at) {
		if CodeOf(err) == CodeCompacted {
			return batch, errTooOld
		}
		if err == nil {
			err = s.collect(&batch, momentOf(changes))
		}
		if err != nil {
			return batch, err
		}
		s.of.mu.Lock()
		_, _, complete := s.of.after(batch.Revision)
		s.of.mu.Unlock()
		if complete || len(batch.Events) >= maxBatch {
			break
		}
	}
	return batch, nil
}

func (f EventFilter) takes(t EventType) bool { return len(f.Types) == 0 || slices.Contains(f.Types, t) }

// collect adds what the filter lets through.
func (s *EventStream) collect(batch *EventBatch, m moment) error {
	entries, err := m.entries()
	if err != nil {
		return err
	}
	for i := range entries {
		a := &entries[i]
		if !s.filter.Scope.sees(a) || s.filter.Application != "" && s.filter.Application != a.Application {
			continue
		}
		for _, event := range a.events() {
			if s.filter.takes(event.Type) {
				batch.Events = append(batch.Events, event)
			}
		}
	}
	batch.Revision = m.revision
	return nil
}
