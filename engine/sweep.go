package engine

import (
	"context"
	"time"
)

const (
	sweepEvery = 10 * time.Minute
	sweepBatch = 100
)

// sweep removes what has run out: kept answers of past days, sessions that have
// expired, and the records of deleted applications. Several nodes may do so at once.
func (e *Engine) sweep(ctx context.Context) error {
	timer := time.NewTicker(sweepEvery)
	defer timer.Stop()
	for {
		if err := e.sweepOnce(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("old records could not be removed; they will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
	}
}

func (e *Engine) sweepOnce(ctx context.Context) error {
	yesterday := idemPrefix + idemDay(e.now().AddDate(0, 0, -1))
	expired := func(r Record) bool { return r.Key < yesterday }
	if err := e.remove(ctx, []string{idemPrefix}, expired); err != nil {
		return err
	}
	if err := e.sweepDue(ctx); err != nil {
		return err
	}
	page, err := e.store.List(ctx, ListRequest{Prefixes: []string{purgeKey("")}, Limit: sweepBatch})
	if err != nil {
		return err
	}
	for _, r := range page.Records {
		if err := e.purge(ctx, ApplicationID(lastSegment(r.Key))); err != nil {
			return err
		}
	}
	return nil
}

// purge removes what a deleted application has left, and last the note that
// there is something to remove.
func (e *Engine) purge(ctx context.Context, app ApplicationID) error {
	all := func(Record) bool { return true }
	for _, prefixes := range [][]string{
		shardPrefixes("cred", app), shardPrefixes("reg", app), shardPrefixes("session", app), shardPrefixes("ended", app),
		{kvOf(app)},
		{kvGuardsOf(app)},
		{noticesOf(app)},
	} {
		if err := e.remove(ctx, prefixes, all); err != nil {
			return err
		}
	}
	_, err := e.store.Commit(ctx, Commit{Writes: []Write{
		{Key: denialKey(app), Delete: true},
		{Key: purgeKey(app), Delete: true},
	}})
	return err
}

// remove deletes the records below the prefixes, in key order, until one is
// not to go.
func (e *Engine) remove(ctx context.Context, prefixes []string, gone func(Record) bool) error {
	for {
		page, err := e.store.List(ctx, ListRequest{Prefixes: prefixes, Limit: sweepBatch})
		if err != nil {
			return err
		}
		var commit Commit
		for _, r := range page.Records {
			if !gone(r) {
				break
			}
			commit.Writes = append(commit.Writes, Write{Key: r.Key, Delete: true})
		}
		if len(commit.Writes) > 0 {
			if _, err := e.store.Commit(ctx, commit); err != nil {
				return err
			}
		}
		if !page.More || len(commit.Writes) < len(page.Records) {
			return nil
		}
	}
}
