package engine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// markKept is how long the mark that ends an endpoint's sessions is kept: until
// all of them have expired, and clocks that differ have come to agree.
const markKept = MaxSessionTTL + 24*time.Hour

// expires notes that the record under key can go at a time, for the sweep to
// find it without looking at any other.
func (tx *Tx) expires(key string, at time.Time) { tx.put(dueKey(key, at), nil) }

// dueKey is in the first hour that begins after a time.
func dueKey(key string, at time.Time) string {
	return duePrefix + at.UTC().Add(time.Hour-1).Truncate(time.Hour).Format(dueHourForm) + "/" + key
}

// sweepDue removes what is due, oldest first. Several nodes may do so at once.
func (e *Engine) sweepDue(ctx context.Context) error {
	end := duePrefix + e.now().Format(dueHourForm) + "0" // behind all of that hour
	for {
		page, err := e.store.List(ctx, ListRequest{Prefixes: []string{duePrefix}, Limit: sweepBatch / 2})
		if err != nil {
			return err
		}
		due := map[string][]string{} // the notes of each key
		n := 0
		for ; n < len(page.Records) && page.Records[n].Key < end; n++ {
			note := page.Records[n].Key
			due[note[dueHourKeyBytes:]] = append(due[note[dueHourKeyBytes:]], note)
		}
		if n > 0 {
			if err := e.removeDue(ctx, due); err != nil && !errors.Is(err, ErrConflict) {
				return err
			}
		}
		if !page.More || n < len(page.Records) {
			return nil
		}
	}
}

// removeDue removes notes, and the records that they tell of unless those were
// written anew, which is noted for later.
func (e *Engine) removeDue(ctx context.Context, due map[string][]string) error {
	snap, err := e.store.Read(ctx, Strict, slices.Collect(maps.Keys(due))...)
	if err != nil {
		return err
	}
	var commit Commit
	now := e.now()
	for _, r := range snap.Records {
		for _, note := range due[r.Key] {
			commit.Writes = append(commit.Writes, Write{Key: note, Delete: true})
		}
		if !r.Exists() {
			continue
		}
		gone, err := outlived(r, now)
		if err != nil {
			return err
		}
		if gone {
			commit.Checks = append(commit.Checks, Check{Key: r.Key, Version: r.Version})
			commit.Writes = append(commit.Writes, Write{Key: r.Key, Delete: true})
		}
	}
	_, err = e.store.Commit(ctx, commit)
	return err
}

// outlived tells whether nobody needs a record any more.
func outlived(r Record, now time.Time) (bool, error) {
	if strings.HasPrefix(r.Key, endedPrefix) {
		var mark endedMark
		err := decode(r, &mark)
		return !now.Before(mark.At.Add(markKept)), err
	}
	s, err := decodeSession(r)
	return !now.Before(s.ExpiresAt), err
}
