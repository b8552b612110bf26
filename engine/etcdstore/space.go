package etcdstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/credence-engine/credence/engine"
)

// Parts of the quota, in percent. From fillingPercent in use on an operator is
// told. From nearlyFullPercent in use on, commits that grow are refused; so
// they are from nearlyFullFilePercent of the file on, because it is the file
// that etcd holds against its quota, free pages included.
const (
	fillingPercent        = 75
	nearlyFullPercent     = 85
	nearlyFullFilePercent = 95
)

const (
	// spaceFresh is how old figures may be before they are asked for again; up
	// to spaceStale nobody waits for that. Etcd's own figures lag by a tenth of
	// a second.
	spaceFresh = time.Second
	spaceStale = 10 * time.Second
	// spaceTimeout bounds the wait for a member that does not answer.
	spaceTimeout = time.Second
)

// Space is how much room there is, in bytes, on the member that has least.
type Space struct {
	// Size is that of the database's file. Etcd takes no more puts when it
	// reaches the quota.
	Size int64
	// InUse is Size less what is free in it, to be written again.
	InUse int64
	// Quota is 0 where there is none.
	Quota int64
	// Refusing tells that the quota was reached (etcd's alarm NOSPACE): until
	// the alarm is disarmed the whole cluster takes nothing but deletions.
	Refusing bool
}

// room is what a store knows of its space.
type room struct {
	quota int64 // of servers that do not tell theirs

	mu     sync.Mutex
	known  Space
	asked  time.Time
	asking bool
	// stirred is when something was written for the sake of the figures.
	stirred time.Time
	// grown are the bytes that this store has added since the figures were
	// asked for, and in the period before, which they may lack.
	grown, before int64
}

// Space returns the room that there is, as it was some seconds ago at most.
// Members that do not answer are left out.
func (s *Store) Space(ctx context.Context) (Space, error) {
	if err := s.begin(); err != nil {
		return Space{}, err
	}
	defer s.calls.Done()
	return s.space(ctx)
}

func (s *Store) space(ctx context.Context) (Space, error) {
	known, age, turn := s.room.look()
	switch {
	case age >= spaceStale:
		if err := s.askForSpace(ctx); err != nil {
			return Space{}, err
		}
		known, _, _ = s.room.look()
	case turn:
		s.calls.Go(func() { _ = s.askForSpace(context.WithoutCancel(ctx)) }) // a failure shows when the figures are stale
	}
	return known, nil
}

// look returns what is known and how old that is. turn tells that it is for
// the caller to ask anew.
func (r *room) look() (known Space, age time.Duration, turn bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, age = r.known, time.Since(r.asked)
	known.InUse += r.grown + r.before
	known.Size = max(known.Size, known.InUse)
	turn = age >= spaceFresh && !r.asking
	r.asking = r.asking || turn
	return known, age, turn
}

// askForSpace asks all members and remembers the answer.
func (s *Store) askForSpace(ctx context.Context) error {
	s.room.mu.Lock()
	before := s.room.grown
	s.room.mu.Unlock()
	members, err := s.askMembers(ctx)
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	s.room.asking = false
	if err != nil {
		return err
	}
	var least Space
	for _, m := range members {
		own := s.room.of(m.status)
		refusing := own.Refusing || least.Refusing // the alarm is the cluster's
		if least.Size == 0 || own.percent(own.Size) > least.percent(least.Size) {
			least = own
		}
		least.Refusing = refusing
	}
	s.room.known, s.room.asked = least, time.Now()
	s.room.grown, s.room.before = s.room.grown-before, before
	return nil
}

// of reads the figures of one member.
func (r *room) of(m *clientv3.StatusResponse) Space {
	s := Space{Size: m.DbSize, InUse: m.DbSizeInUse, Quota: m.DbSizeQuota}
	switch {
	case s.Quota == 0: // a server before 3.6
		s.Quota = r.quota
	case s.Quota < 0:
		s.Quota = 0
	}
	s.Refusing = slices.ContainsFunc(m.Errors, func(e string) bool {
		return strings.Contains(e, etcdserverpb.AlarmType_NOSPACE.String())
	})
	return s
}

// memberState is what one endpoint says of itself.
type memberState struct {
	endpoint string
	status   *clientv3.StatusResponse // nil: it does not answer
}

// askMembers asks all endpoints and returns those that answer, or an error when
// none does. The embedded server is asked without an endpoint.
func (s *Store) askMembers(ctx context.Context) ([]memberState, error) {
	endpoints := s.client.Endpoints()
	if s.server != nil {
		endpoints = []string{""}
	}
	ctx, cancel := context.WithTimeout(ctx, spaceTimeout)
	defer cancel()
	asked := make([]memberState, len(endpoints))
	failures := make([]error, len(endpoints))
	var asking sync.WaitGroup
	for i, endpoint := range endpoints {
		asking.Go(func() {
			asked[i].endpoint = endpoint
			asked[i].status, failures[i] = s.client.Status(ctx, endpoint)
		})
	}
	asking.Wait()
	answered := slices.DeleteFunc(asked, func(m memberState) bool { return m.status == nil })
	if len(answered) == 0 {
		return nil, s.failed(ctx, failures[0])
	}
	return answered, nil
}

// hasRoomToGrow refuses what adds to a store that is nearly full. Where the
// room is not known, etcd itself judges.
func (s *Store) hasRoomToGrow(ctx context.Context, c engine.Commit) error {
	space, err := s.space(ctx)
	if err != nil {
		return nil // what follows meets the same failure, or goes well
	}
	if words := space.shortage(); words != "" {
		s.stir(ctx)
		return engine.Errorf(engine.CodeExhausted, "%s", words)
	}
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	for _, w := range c.Writes {
		s.room.grown += int64(len(w.Key) + len(w.Value))
	}
	return nil
}

// stir has etcd write a little, at most once a second: a lease that nobody
// uses, and its end. What a compaction has freed shows in etcd's figures with
// the writes that follow, and where all that is asked for is refused there are
// none.
func (s *Store) stir(ctx context.Context) {
	s.room.mu.Lock()
	due := time.Since(s.room.stirred) >= spaceFresh
	if due {
		s.room.stirred = time.Now()
	}
	s.room.mu.Unlock()
	if !due {
		return
	}
	if granted, err := s.client.Grant(ctx, 1); err == nil { // a full etcd refuses it, and needs it no more
		_, _ = s.client.Revoke(ctx, granted.ID) // or else it runs out
	}
}

// percent is how much of the quota n is, 0 without one.
func (s Space) percent(n int64) int64 {
	if s.Quota <= 0 {
		return 0
	}
	return n * 100 / s.Quota
}

// shortage says why what adds is refused, "" when it is not.
func (s Space) shortage() string {
	switch {
	case s.Refusing:
		return "the store is full, and etcd takes nothing but deletions (alarm NOSPACE): delete what is not needed, or raise the quota of etcd, then compact, defragment and disarm the alarm"
	case s.percent(s.InUse) >= nearlyFullPercent:
		return fmt.Sprintf("the store is nearly full, %s: delete what is not needed, whose space is free some 10 minutes later, or raise the quota of etcd. Verify and revoke go on", s.used())
	case s.percent(s.Size) >= nearlyFullFilePercent:
		return fmt.Sprintf("the store's file is nearly as large as the quota of etcd, %s: defragment etcd. Verify and revoke go on", s.used())
	}
	return ""
}

func (s Space) used() string {
	return fmt.Sprintf("%d %% of its quota of %d MiB are in use (the file has %d MiB)", s.percent(s.InUse), s.Quota>>20, s.Size>>20)
}

// Problem says what an operator should see to, "" when all is well.
func (s Space) Problem() string {
	if words := s.shortage(); words != "" {
		return words
	}
	if s.percent(s.InUse) >= fillingPercent {
		return fmt.Sprintf("the store fills, %s: from %d %% on nothing can be added", s.used(), nearlyFullPercent)
	}
	return ""
}
