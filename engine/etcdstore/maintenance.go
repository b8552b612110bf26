package etcdstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/credence-engine/credence/engine"
)

const (
	// maintainEvery is how often a store looks whether there is something to
	// do. Between two members it is the time to catch up.
	maintainEvery = time.Minute
	// A member is defragmented again after defragmentEvery at the earliest; when
	// its file nears the quota, after defragmentSoon; and when it is full,
	// whatever the figures say, after defragmentFull.
	defragmentEvery = 24 * time.Hour
	defragmentSoon  = 10 * time.Minute
	defragmentFull  = time.Hour
	// worthQuotaPercent of the quota to be had make it worth while then.
	worthQuotaPercent = 10
	// caughtUp is by how many entries a member may be behind that is well.
	caughtUp = 1000
)

// turnKey is held by the one store that maintains an external cluster.
const turnKey = "maintenance"

// DefaultFreeBytes is from how much free space on a file is defragmented.
const DefaultFreeBytes = 64 << 20

// Maintenance says how etcd is to be kept in order.
type Maintenance struct {
	// FreeBytes must be free in a database's file, and more than half of it,
	// before it is defragmented. When the file nears the quota, less will do.
	// 0: DefaultFreeBytes.
	FreeBytes int64
	// State is where the stores of a cluster agree on which of them is at work:
	// the layer over this store whose commits the others' caches know. Nil:
	// this store itself.
	State engine.Store
	// Report takes what an operator should see to, in words. Nil: nobody does.
	Report func(words []string)
}

// maintenance is what Maintain remembers.
type maintenance struct {
	Maintenance
	store     *Store
	name      string // of the turn
	past      history
	cleaned   map[uint64]time.Time // when a member was defragmented, by its id
	complaint string
}

// Maintain keeps etcd in order until ctx is done. An external cluster is
// compacted to what it was ten minutes ago, which concerns all who share it;
// embedded servers do that by themselves. Database files of which much is free
// are defragmented, one member at a time and the leader last, and never while
// another member is not well: the member takes no part meanwhile. When that
// has made room, the alarm of a full database is disarmed.
//
// Of several stores on one cluster and prefix, one does all this.
func (s *Store) Maintain(ctx context.Context, o Maintenance) {
	if o.FreeBytes == 0 {
		o.FreeBytes = DefaultFreeBytes
	}
	if o.State == nil {
		o.State = s
	}
	m := &maintenance{Maintenance: o, store: s, name: turnName(), cleaned: map[uint64]time.Time{}}
	timer := time.NewTicker(maintainEvery)
	defer timer.Stop()
	for {
		m.complain(m.once(ctx, time.Now()))
		select {
		case <-ctx.Done():
			return
		case <-s.done:
			return
		case <-timer.C:
		}
	}
}

// complain reports what keeps the maintenance from being done, and logs it
// when it is new.
func (m *maintenance) complain(err error) {
	words := ""
	if err != nil && !errors.Is(err, context.Canceled) && !m.store.isClosed() {
		words = err.Error()
		if e, ok := errors.AsType[*engine.Error](err); ok {
			words = e.Message
		}
		words = "etcd is not maintained: " + words
	}
	if words == m.complaint {
		return
	}
	m.complaint = words
	if words != "" {
		m.store.log.Warn("etcd is not kept in order", "problem", words)
	}
	switch {
	case m.Report == nil:
	case words == "":
		m.Report(nil)
	default:
		m.Report([]string{words})
	}
}

// once does what is due. Of a cluster it is one member at most, so that the
// next has a whole cluster around it.
func (m *maintenance) once(ctx context.Context, now time.Time) error {
	if err := m.store.begin(); err != nil {
		return err
	}
	defer m.store.calls.Done()
	alone := m.store.server != nil && m.store.Member() == ""
	if !alone {
		if mine, err := m.takeTurn(ctx); err != nil || !mine {
			return err
		}
	}
	switch {
	case m.store.server == nil:
		if err := m.compact(ctx, now); err != nil {
			return err
		}
	case !alone:
		peers, err := m.store.peers(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = peers.Close() }()
		return m.clean(ctx, peers, now)
	}
	return m.clean(ctx, m.store, now)
}

// peers is a store that reaches each member of the cluster which embedded
// servers form.
func (s *Store) peers(ctx context.Context) (*Store, error) {
	list, err := s.client.MemberList(ctx)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	o := Options{Prefix: s.prefix, Logger: s.log}
	for _, other := range list.Members {
		o.Endpoints = append(o.Endpoints, other.ClientURLs...)
	}
	if o.TLS, err = s.server.member.authority.client(s.Member()); err != nil {
		return nil, err
	}
	return Open(ctx, o)
}

// clean defragments one member that is worth it, and disarms the alarm once
// there is room. The members are those that store reaches.
func (m *maintenance) clean(ctx context.Context, store *Store, now time.Time) error {
	members, err := store.askMembers(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(members, func(s memberState) bool { return s.status.DbSize >= m.FreeBytes }) {
		store.stir(ctx)
	}
	if next, found := m.next(members, now); found {
		if err := allWell(ctx, store, members); err != nil {
			return err
		}
		if err := m.defragment(ctx, store, next, now); err != nil {
			return err
		}
		if members, err = store.askMembers(ctx); err != nil {
			return err
		}
	}
	return m.disarm(ctx, store, members)
}

// takeTurn tells whether it is for this store to maintain the cluster. Who has
// the turn keeps it for as long as it is in touch.
func (m *maintenance) takeTurn(ctx context.Context) (bool, error) {
	snap, err := m.State.Read(ctx, engine.Strict, turnKey)
	if err != nil {
		return false, err
	}
	if held := snap.Records[0]; held.Exists() {
		return string(held.Value) == m.name, nil
	}
	_, err = m.State.Commit(ctx, engine.Commit{
		Checks: []engine.Check{{Key: turnKey}},
		Writes: []engine.Write{{Key: turnKey, Value: []byte(m.name), Ephemeral: true}},
	})
	if errors.Is(err, engine.ErrConflict) || errors.Is(err, engine.ErrUnknownOutcome) {
		return false, nil // the next look tells
	}
	return err == nil, err
}

// compact forgets what is older than historyKept.
func (m *maintenance) compact(ctx context.Context, now time.Time) error {
	rev, err := m.store.Revision(ctx)
	if err != nil {
		return err
	}
	m.past.note(now, rev)
	old := m.past.before(now.Add(-historyKept))
	if old == 0 {
		return nil
	}
	if _, err := m.store.client.Compact(ctx, int64(old)); err != nil && !errors.Is(rpctypes.Error(err), rpctypes.ErrCompacted) {
		return m.store.notAllowed(ctx, err)
	}
	return nil
}

// notAllowed is failed, for what takes more than reading and writing.
func (s *Store) notAllowed(ctx context.Context, err error) error {
	if errors.Is(rpctypes.Error(err), rpctypes.ErrPermissionDenied) {
		return engine.Wrap(err, engine.CodeUnavailable, "etcd denies its user this: grant the user the role root, or leave the maintenance to others")
	}
	return s.failed(ctx, err)
}

// next chooses the member whose file is most worth to be defragmented, the
// leader only when it is the last.
func (m *maintenance) next(members []memberState, now time.Time) (next memberState, found bool) {
	var most int64
	for _, member := range members {
		space, id := m.store.room.of(member.status), member.status.Header.MemberId
		wait, worth := space.worth(m.FreeBytes)
		if last, before := m.cleaned[id]; !worth || before && now.Sub(last) < wait {
			continue
		}
		free := space.Size - space.InUse
		if member.status.Leader == id {
			free = 0
		}
		if !found || free > most {
			next, most, found = member, free, true
		}
	}
	return next, found
}

// worth tells whether a file is worth to be defragmented, and how long after
// the last time.
func (s Space) worth(freeBytes int64) (wait time.Duration, worth bool) {
	free := s.Size - s.InUse
	if s.percent(s.Size) >= nearlyFullPercent && s.percent(free) >= worthQuotaPercent {
		return defragmentSoon, true
	}
	if s.Refusing && s.percent(s.Size) >= nearlyFullFilePercent {
		return defragmentFull, true
	}
	return defragmentEvery, free >= freeBytes && free > s.InUse
}

// allWell refuses to take a member out of a cluster that is not whole.
func allWell(ctx context.Context, store *Store, members []memberState) error {
	list, err := store.client.MemberList(ctx)
	if err != nil {
		return store.failed(ctx, err)
	}
	ids := map[uint64]bool{}
	for _, member := range members {
		ids[member.status.Header.MemberId] = true
		if why := unwell(member.status); why != "" {
			return fmt.Errorf("its member at %s is not well (%s), so no other is defragmented", member.endpoint, why)
		}
	}
	if len(ids) < len(list.Members) {
		return fmt.Errorf("%d of its %d members answer (those of an external cluster must all be among etcd.endpoints), so none is defragmented", len(ids), len(list.Members))
	}
	return nil
}

// unwell says why a member is not to be counted on, "" when it is well. That
// the cluster is full is what defragmenting is for.
func unwell(s *clientv3.StatusResponse) string {
	switch {
	case s.Leader == 0:
		return "it knows no leader"
	case s.IsLearner:
		return "it is still learning"
	case s.RaftAppliedIndex+caughtUp < s.RaftIndex:
		return fmt.Sprintf("it is %d entries behind", s.RaftIndex-s.RaftAppliedIndex)
	}
	at := slices.IndexFunc(s.Errors, func(e string) bool { return !strings.Contains(e, etcdserverpb.AlarmType_NOSPACE.String()) })
	if at < 0 {
		return ""
	}
	return s.Errors[at]
}

// defragment gives the free space of one member back to its disk.
func (m *maintenance) defragment(ctx context.Context, store *Store, member memberState, now time.Time) error {
	before := m.store.room.of(member.status)
	m.cleaned[member.status.Header.MemberId] = now
	if server := store.server; server != nil {
		if free, err := freeBytes(server.dir); err == nil && free < uint64(before.InUse)+reservedBytes {
			return fmt.Errorf("its file of %d MiB needs a second one while it is defragmented, and the disk of %s has no room for that", before.Size>>20, server.dir)
		}
	}
	m.store.log.Info("defragmenting etcd, which does not answer meanwhile", "member", member.endpoint, "size", before.Size, "inUse", before.InUse)
	started := time.Now()
	if err := store.defragment(ctx, member.endpoint); err != nil {
		return err
	}
	took := time.Since(started)
	if err := m.store.askForSpace(ctx); err != nil {
		return err
	}
	m.store.log.Info("defragmented etcd", "member", member.endpoint, "took", took)
	return nil
}

// defragment returns when it is done. The embedded server is asked past the
// client, whose way to it lacks a part.
func (s *Store) defragment(ctx context.Context, endpoint string) error {
	if s.server != nil {
		if err := s.server.etcd.Server.Defragment(); err != nil {
			return fmt.Errorf("it cannot be defragmented: %w", err)
		}
		return nil
	}
	if _, err := s.client.Defragment(ctx, endpoint); err != nil {
		return s.notAllowed(ctx, err)
	}
	return nil
}

// disarm ends the alarm of a full database once no member is full any more.
func (m *maintenance) disarm(ctx context.Context, store *Store, members []memberState) error {
	armed := false
	for _, member := range members {
		space := m.store.room.of(member.status)
		if space.percent(space.Size) >= nearlyFullFilePercent {
			return nil
		}
		armed = armed || space.Refusing
	}
	if !armed {
		return nil
	}
	if err := store.disarm(ctx); err != nil {
		return err
	}
	m.store.log.Info("there is room in etcd again: its alarm NOSPACE is disarmed")
	return m.store.askForSpace(ctx)
}
