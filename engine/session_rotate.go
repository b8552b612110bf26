package engine

import (
	"context"
	"slices"
	"time"
)

const (
	// keyLead is for how long a key is published at least before it signs:
	// twice as long as the set of keys may be kept by those who verify.
	keyLead = 10 * time.Minute
	// keyKept is for how long a key stays after the next one has begun to sign:
	// until the last token that it can have signed has expired, and clocks that
	// differ have come to agree.
	keyKept = MaxSessionTTL + time.Hour
	// rotateEvery is how often a node looks whether a key is due.
	rotateEvery = time.Minute
)

// rotateSessionKeys keeps the keys for tokens in step with time, until ctx is
// done. It makes none before the first session asks for one.
func (e *Engine) rotateSessionKeys(ctx context.Context) error {
	timer := time.NewTicker(rotateEvery)
	defer timer.Stop()
	for {
		if _, err := e.rotateKeys(ctx, false); err != nil && ctx.Err() == nil {
			e.log.Warn("the keys for tokens of sessions could not be looked through; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
	}
}

// rotateKeys makes the next key when it is due, and removes those that
// nobody needs any more. Of several nodes one does it: all write the guard. The
// ring that it returns, and which this node goes by from now on, is as of the
// outcome.
func (e *Engine) rotateKeys(ctx context.Context, first bool) (*keyRing, error) {
	_, err := e.run(ctx, Caller{User: "engine"}, Strict, func(tx *Tx) error {
		ring, err := tx.ring(ctx)
		if err != nil {
			return err
		}
		now := e.now()
		for _, old := range ring.spent(now) {
			tx.delete(jwtKeyKey(old.ID))
			tx.audit("session_key.delete", "", old.ID)
		}
		from, due := ring.next(now, e.sessions.KeyRotation, first)
		if due && len(e.vault.keys) > 0 {
			k, err := newJWTKey(e.vault, now, from)
			if err != nil {
				return err
			}
			tx.audit("session_key.create", "", k.ID)
			if err := tx.save(jwtKeyKey(k.ID), k); err != nil {
				return err
			}
		}
		if len(tx.writes) > 0 {
			tx.put(jwtKeyGuard, nil)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return e.readRing(ctx)
}

// ring reads the keys and guards them against changes.
func (tx *Tx) ring(ctx context.Context) (*keyRing, error) {
	if err := tx.load(ctx, jwtKeyGuard); err != nil {
		return nil, err
	}
	page, err := tx.list(ctx, jwtKeyPrefix, "", MaxListLimit)
	if err != nil {
		return nil, err
	}
	return newRing(page.Records, time.Now())
}

// next tells whether a further key is due, and when it begins to sign: the
// first at once, any other after it has been published for a while.
func (r *keyRing) next(now time.Time, rotation time.Duration, first bool) (from time.Time, due bool) {
	if len(r.keys) == 0 {
		return now, first
	}
	begins := r.keys[len(r.keys)-1].SignsFrom.Add(rotation)
	if now.Before(begins.Add(-2 * keyLead)) {
		return time.Time{}, false
	}
	if soonest := now.Add(keyLead); begins.Before(soonest) {
		begins = soonest
	}
	return begins, true
}

// spent returns the keys whose tokens have all expired.
func (r *keyRing) spent(now time.Time) []jwtKey {
	n := 0
	for n+1 < len(r.keys) && now.After(r.keys[n+1].SignsFrom.Add(keyKept)) {
		n++
	}
	return slices.Clone(r.keys[:n])
}
