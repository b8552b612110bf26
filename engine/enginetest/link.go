package enginetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/credence-engine/credence/engine"
)

// Message is one thing that travels over a [Link].
type Message struct {
	// What is "read", "list", "commit", "renew" (of the lease) or "watch" (one
	// revision on its way to a watch).
	What string
	// Key is the first key that is read or written, or the prefix.
	Key string
	// Answer tells that it comes from the state; else it goes there.
	Answer bool
	// Revision is that of a change on its way to a watch, else 0.
	Revision engine.Revision
}

// Fate is what becomes of a [Message]. The zero value is to arrive at once.
type Fate struct {
	Delay time.Duration
	// Lost: it never arrives. A request is sent again after a while, and so is
	// the one whose answer was lost. A change that is lost to a watch is a fault
	// of the store, which etcd has had.
	Lost bool
	// Torn: of a change on its way to a watch only the first half arrives.
	Torn bool
	// Ended: the watch ends before this change, with an error.
	Ended bool
}

// LinkOptions are how a [Link] behaves.
type LinkOptions struct {
	// Fate decides over each message. It is called from many goroutines. Nil:
	// all arrive at once.
	Fate func(Message) Fate
	// Lease is how long the state keeps ephemeral records of a store that it
	// does not hear from. 0: ten seconds.
	Lease time.Duration
	// Resend is how long an answer is waited for before the request is sent
	// again. 0: a second.
	Resend time.Duration
}

// leaseMargin is how much earlier than the state a link takes its lease for
// lost.
const leaseMargin = 500 * time.Millisecond

// Link is a node's own way to a state that is elsewhere: an [engine.Store] on
// a [MemoryStore], with messages that take time, get lost, and are held back
// while the link is cut. A request that was given up may still be on its way,
// and arrive. Inside a testing/synctest bubble all of it takes simulated time.
//
// With no fault it passes [StoreSuite].
type Link struct {
	state  *Session
	fate   func(Message) Fate
	ttl    time.Duration
	resend time.Duration
	there  gate // to the state
	back   gate // from it

	life context.Context //nolint:containedctx // of all that is under way
	end  context.CancelFunc
	work sync.WaitGroup

	granted stateLease // at the state

	mu    sync.Mutex // guards what follows, which is at the node
	lease int        // the lease that it knows of; 0: none
	held  time.Time
}

var _ engine.Store = (*Link)(nil)

// Link opens a further store on the state, at the far end of a link.
func (s *MemoryStore) Link(o LinkOptions) *Link {
	l := &Link{state: s.Session(), fate: o.Fate, ttl: o.Lease, resend: o.Resend}
	if l.fate == nil {
		l.fate = func(Message) Fate { return Fate{} }
	}
	if l.ttl == 0 {
		l.ttl = 10 * time.Second
	}
	if l.resend == 0 {
		l.resend = time.Second
	}
	l.life, l.end = context.WithCancel(context.Background())
	l.work.Go(l.renew)
	return l
}

// Cut holds back what is sent from now on, in one direction or in both, until
// Cut opens them again. A request that had been sent before arrives.
func (l *Link) Cut(there, back bool) {
	l.there.set(there)
	l.back.set(back)
}

// Close ends the link, and what is under way on it, with the ephemeral records
// that were written over it.
func (l *Link) Close() error {
	l.mu.Lock()
	l.end()
	l.lease, l.held = 0, time.Time{}
	l.mu.Unlock()
	l.work.Wait()
	l.granted.expire(l)
	return l.state.Close()
}

// Read implements [engine.Store].
func (l *Link) Read(ctx context.Context, c engine.Consistency, keys ...string) (engine.Snapshot, error) {
	if err := engine.CheckRead(c, keys); err != nil {
		return engine.Snapshot{}, err
	}
	snap, _, err := carry(ctx, l, Message{What: "read", Key: first(keys)}, func(ctx context.Context) (engine.Snapshot, error) {
		return l.state.Read(ctx, c, keys...)
	})
	return snap, unread(ctx, err)
}

// List implements [engine.Store].
func (l *Link) List(ctx context.Context, r engine.ListRequest) (engine.Page, error) {
	if err := r.Check(); err != nil {
		return engine.Page{}, err
	}
	page, _, err := carry(ctx, l, Message{What: "list", Key: first(r.Prefixes)}, func(ctx context.Context) (engine.Page, error) {
		return l.state.List(ctx, r)
	})
	return page, unread(ctx, err)
}

// Commit implements [engine.Store].
func (l *Link) Commit(ctx context.Context, c engine.Commit) (engine.Revision, error) {
	if err := c.Check(); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, engine.Wrap(err, engine.CodeUnavailable, "the request ended before the change was tried: nothing was changed")
	}
	type outcome struct {
		revision engine.Revision
		lease    int
		fresh    bool // the lease was granted with this commit
		sent     time.Time
	}
	holds := slices.ContainsFunc(c.Writes, func(w engine.Write) bool { return w.Ephemeral && !w.Delete })
	out, tries, err := carry(ctx, l, Message{What: "commit", Key: first(keysWritten(c))}, func(ctx context.Context) (out outcome, err error) {
		if !holds {
			out.revision, err = l.state.Commit(ctx, c)
			return out, err
		}
		out.sent, _ = ctx.Value(sentAt{}).(time.Time)
		out.lease, out.fresh, err = l.granted.use(l, func() (err error) {
			out.revision, err = l.state.Commit(ctx, c)
			return err
		})
		return out, err
	})
	switch {
	case errors.Is(err, errUnanswered), errors.Is(err, engine.ErrConflict) && tries > 1 && c.Marker == "":
		return 0, engine.ErrUnknownOutcome
	case err != nil:
		return 0, err
	case holds:
		l.leased(out.lease, out.fresh, out.sent)
	}
	return out.revision, nil
}

// Compact makes the state forget, at once.
func (l *Link) Compact(ctx context.Context, rev engine.Revision) error {
	return l.state.Compact(ctx, rev)
}

var (
	errUnanswered = errors.New("no answer came in time")
	errLinkClosed = engine.Errorf(engine.CodeUnavailable, "the store is closed: nothing was changed")
)

// sentAt is the key, in the context of a request at the state, of the moment
// at which it was sent.
type sentAt struct{}

// carry sends a request until an answer comes or ctx ends, which is
// errUnanswered. It returns how often it was sent.
func carry[T any](ctx context.Context, l *Link, m Message, ask func(context.Context) (T, error)) (answer T, tries int, err error) {
	type reply struct {
		answer T
		err    error
	}
	replies := make(chan reply, 1)
	for ctx.Err() == nil {
		tries++
		sent := context.WithValue(l.life, sentAt{}, time.Now())
		if !l.launch(func() {
			if !l.travel(&l.there, m) {
				return
			}
			answer, err := ask(sent)
			back := m
			back.Answer = true
			if !l.travel(&l.back, back) {
				return
			}
			select {
			case replies <- reply{answer, err}:
			default: // an earlier one was answered
			}
		}) {
			return answer, tries, errLinkClosed
		}
		again := time.NewTimer(l.resend)
		select {
		case r := <-replies:
			again.Stop()
			return r.answer, tries, r.err
		case <-l.life.Done():
			again.Stop()
			return answer, tries, errUnanswered
		case <-ctx.Done():
			again.Stop()
		case <-again.C:
		}
	}
	return answer, tries, errUnanswered
}

// launch runs what is under way, unless the link is closed.
func (l *Link) launch(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.life.Err() != nil {
		return false
	}
	l.work.Go(f)
	return true
}

// travel takes the time that a message needs, and tells whether it arrives.
func (l *Link) travel(g *gate, m Message) bool {
	fate := l.fate(m) // when it is sent, so that those held back together part again
	if !g.pass(l.life) {
		return false
	}
	wait(l.life, fate.Delay)
	return !fate.Lost && l.life.Err() == nil
}

// unread is what a read answers when no answer came.
func unread(ctx context.Context, err error) error {
	if errors.Is(err, errUnanswered) && ctx.Err() != nil {
		return readable(ctx)
	}
	if errors.Is(err, errUnanswered) {
		return errLinkClosed
	}
	return err
}

func first(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return keys[0]
}

func keysWritten(c engine.Commit) []string {
	keys := make([]string, 0, len(c.Writes))
	for _, w := range c.Writes {
		keys = append(keys, w.Key)
	}
	return keys
}
