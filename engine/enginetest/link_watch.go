package enginetest

import (
	"context"
	"iter"
	"time"

	"github.com/credence-engine/credence/engine"
)

// Watch implements [engine.Store]. Each change takes its own time from when it
// was made; they stay in order.
func (l *Link) Watch(ctx context.Context, prefix string, after engine.Revision) iter.Seq2[engine.Changes, error] {
	return func(yield func(engine.Changes, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(l.life, cancel)()
		for news, err := range l.state.follow(ctx, prefix, after) {
			fate := l.fate(Message{What: "watch", Key: prefix, Answer: true, Revision: news.Revision})
			if !l.deliver(ctx, news, fate) {
				break
			}
			if err != nil {
				yield(engine.Changes{}, err)
				return
			}
			if fate.Ended {
				yield(engine.Changes{}, engine.Errorf(engine.CodeUnavailable, "the watch was lost"))
				return
			}
			if fate.Torn {
				news.Events = news.Events[:len(news.Events)/2]
			}
			if fate.Lost || len(news.Events) == 0 {
				continue
			}
			if !yield(news.Changes, nil) {
				return
			}
		}
		if l.life.Err() != nil {
			yield(engine.Changes{}, errLinkClosed)
		}
	}
}

// deliver waits until a change has arrived, and tells whether it did before ctx
// ended.
func (l *Link) deliver(ctx context.Context, news logged, fate Fate) bool {
	wait(ctx, time.Until(news.at.Add(fate.Delay)))
	for !l.back.open() {
		if !l.back.pass(ctx) {
			return false
		}
		wait(ctx, fate.Delay)
	}
	return ctx.Err() == nil
}
