package rest

import (
	"sync"
	"time"

	"github.com/credence-engine/credence/engine"
)

const (
	freeFailures    = 3 // before a login is slowed down
	firstPause      = 500 * time.Millisecond
	longestPause    = 8 * time.Second
	failureLifetime = 5 * time.Minute // after the last one
	maxFailing      = 8192            // logins that are kept count of
)

// login is what is slowed down: one user name from one address.
type login struct {
	user    engine.UserName
	address string
}

// failures slows down those who guess passwords: after some failures each
// further one doubles the pause before the next try is looked at.
type failures struct {
	mu sync.Mutex // guards of
	of map[login]*failure
}

type failure struct {
	count  int
	paused time.Time // until then
}

func newFailures() *failures { return &failures{of: map[login]*failure{}} }

// check refuses a login that must wait.
func (f *failures) check(who login, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	known := f.of[who.short()]
	if known == nil || !now.Before(known.paused) {
		return nil
	}
	return &refusalError{
		reason: engine.Errorf(engine.CodeExhausted, "too many failed logins as this user from your address: wait"),
		retry:  known.paused.Sub(now),
	}
}

// add counts a failure.
func (f *failures) add(who login, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	who = who.short()
	known := f.of[who]
	if known == nil || now.Sub(known.paused) > failureLifetime {
		f.makeRoom(now)
		known = &failure{}
		f.of[who] = known
	}
	known.count++
	known.paused = now
	if over := known.count - freeFailures; over > 0 {
		known.paused = now.Add(min(firstPause<<min(over-1, 10), longestPause))
	}
}

func (f *failures) forget(who login) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.of, who.short())
}

// makeRoom drops what is over, and if that is not enough, any one.
func (f *failures) makeRoom(now time.Time) {
	if len(f.of) < maxFailing {
		return
	}
	for who, known := range f.of {
		if now.Sub(known.paused) > failureLifetime {
			delete(f.of, who)
		}
	}
	for who := range f.of {
		if len(f.of) < maxFailing {
			return
		}
		delete(f.of, who)
	}
}

// short bounds the memory that a name takes; no user's name is longer.
func (l login) short() login {
	if len(l.user) > 128 {
		l.user = l.user[:128]
	}
	return l
}
