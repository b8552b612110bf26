package enginetest

import (
	"sync"
	"time"
)

// stateLease is a link's lease as the state keeps it. It is granted with the
// first ephemeral record, and gone when no renewal has come for too long.
type stateLease struct {
	mu     sync.Mutex
	number int // of the last one; 0: there was none
	live   bool
	until  time.Time
	timer  *time.Timer
}

// use writes ephemeral records under the lease, which is granted when there is
// none.
func (s *stateLease) use(l *Link, write func() error) (number int, fresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := write(); err != nil {
		return 0, false, err
	}
	if fresh = !s.live; fresh {
		s.live = true
		s.number++
		s.extend(l)
	}
	return s.number, fresh, nil
}

// renewed takes a renewal, and tells whether the lease was still there.
func (s *stateLease) renewed(l *Link, number int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.live || s.number != number {
		return false
	}
	s.extend(l)
	return true
}

func (s *stateLease) extend(l *Link) {
	if s.timer != nil {
		s.timer.Stop()
	}
	number, until := s.number, time.Now().Add(l.ttl)
	s.until = until
	s.timer = time.AfterFunc(l.ttl, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.live && s.number == number && s.until.Equal(until) {
			s.live = false
			l.state.Expire()
		}
	})
}

func (s *stateLease) expire(l *Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = false
	if s.timer != nil {
		s.timer.Stop()
	}
	l.state.Expire()
}

// Expire makes the state end the lease, as it does with a link that it has not
// heard from for too long.
func (l *Link) Expire() { l.granted.expire(l) }

// Held implements [engine.Store].
func (l *Link) Held() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

// leased notes at the node under which lease its records are. One that was
// granted earlier, by a commit whose answer did not come, has run for a time
// that the node does not know: the next renewal tells.
func (l *Link) leased(number int, fresh bool, sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if number <= l.lease || l.life.Err() != nil {
		return
	}
	l.lease, l.held = number, time.Time{}
	if fresh {
		l.held = sent.Add(l.ttl - leaseMargin)
	}
}

// renew renews the lease three times in its life.
func (l *Link) renew() {
	ticker := time.NewTicker(l.ttl / 3)
	defer ticker.Stop()
	for {
		select {
		case <-l.life.Done():
			return
		case <-ticker.C:
		}
		l.mu.Lock()
		number := l.lease
		l.mu.Unlock()
		if number != 0 {
			l.launch(func() { l.renewOnce(number, time.Now()) })
		}
	}
}

func (l *Link) renewOnce(number int, sent time.Time) {
	m := Message{What: "renew"}
	if !l.travel(&l.there, m) {
		return
	}
	there := l.granted.renewed(l, number)
	m.Answer = true
	if !l.travel(&l.back, m) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	until := sent.Add(l.ttl - leaseMargin)
	switch {
	case l.lease != number:
	case !there:
		l.lease, l.held = 0, time.Time{}
	case until.After(l.held):
		l.held = until
	}
}
