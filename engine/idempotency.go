package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Idempotency lets a caller repeat a request without repeating its effect: the
// answer to the first is kept, in the same commit as the effect, and given
// again for at least a day.
//
// Verify keeps no answers: an acceptance that is played back after a
// revocation would be a lie, and a claim is safe to repeat by itself.
type Idempotency struct {
	Key     string            // chosen by the caller, 1 to 255 characters
	Request [sha256.Size]byte // of the method, the path and the body
}

// keptAnswer is the record of a first answer.
type keptAnswer struct {
	Request []byte `cbor:"1,keyasint"`
	Answer  []byte `cbor:"2,keyasint"`
}

const idemPrefix = "idem/"

func idemDay(t time.Time) string { return t.UTC().Format("20060102") }

// keys returns where the answer is kept when it is made now, and where it is
// when it was made yesterday.
func (i *Idempotency) keys(c Caller, now time.Time) (today, yesterday string) {
	sum := sha256.Sum256([]byte(string(c.Tenant) + "\x00" + string(c.User) + "\x00" + i.Key))
	name := hex.EncodeToString(sum[:])
	return idemPrefix + idemDay(now) + "/" + name, idemPrefix + idemDay(now.AddDate(0, 0, -1)) + "/" + name
}

// mutate runs fn as one unit of work. When the caller gave an idempotency key
// that was used before, it returns the first answer instead and runs nothing.
func mutate[T any](ctx context.Context, e *Engine, caller Caller, fn func(*Tx) (T, error)) (T, Revision, error) {
	var out T
	var replayed Revision
	rev, err := e.run(ctx, caller, Guess, func(tx *Tx) error {
		out, replayed = *new(T), 0
		kept, err := tx.recall(ctx, e.now(), &out)
		if err != nil || kept != 0 {
			replayed = kept
			return err
		}
		if out, err = fn(tx); err != nil {
			return err
		}
		return tx.remember(e.now(), out)
	})
	if replayed != 0 {
		rev = replayed
	}
	return out, rev, err
}

// recall looks for a kept answer; it returns the revision at which it was
// given, or 0 when there is none.
func (tx *Tx) recall(ctx context.Context, now time.Time, out any) (Revision, error) {
	idem := tx.caller.Idempotency
	if idem == nil {
		return 0, nil
	}
	today, yesterday := idem.keys(tx.caller, now)
	if err := tx.load(ctx, today, yesterday); err != nil {
		return 0, err
	}
	for _, key := range []string{today, yesterday} {
		r, _ := tx.seen(key)
		if !r.Exists() {
			continue
		}
		var kept keptAnswer
		if err := decode(r, &kept); err != nil {
			return 0, err
		}
		if string(kept.Request) != string(idem.Request[:]) {
			return 0, Errorf(CodeReused, "this Idempotency-Key was used for another request: choose a new key")
		}
		return r.Version, decode(Record{Key: key, Value: kept.Answer, Version: r.Version}, out)
	}
	return 0, nil
}

// remember keeps the answer, if there is an effect to protect.
func (tx *Tx) remember(now time.Time, out any) error {
	idem := tx.caller.Idempotency
	if idem == nil || len(tx.writes) == 0 {
		return nil
	}
	answer, err := encode(out)
	if err != nil {
		return err
	}
	today, _ := idem.keys(tx.caller, now)
	return tx.save(today, keptAnswer{Request: idem.Request[:], Answer: answer})
}
