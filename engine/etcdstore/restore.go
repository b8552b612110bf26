package etcdstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.etcd.io/etcd/server/v3/storage/mvcc"
	"go.uber.org/zap"

	"github.com/credence-engine/credence/engine"
)

// lostRevisions is by how many revisions a restored state goes ahead of its
// backup, so that none of those that were given out in between is ever given
// out again: no page token, version or watch position of before means
// something else after. It is a year of 30 000 commits a second, and after
// thousands of restores JSON still carries the numbers exactly.
const lostRevisions = 1_000_000_000_000

// A server that stands alone has a name and an address for others, of which
// there are none.
const (
	memberName = "credence"
	nowhere    = "unix:///nowhere"
)

// Restore makes the state of an embedded server from a backup file, in a data
// directory that has none. finish gets the store with the restored state
// before anybody else, and what the file holds; what it writes is part of the
// state. When anything fails the data directory has no state, as before.
//
// All revisions up to those of the restored state are compacted: whoever goes
// on from an earlier one is told so.
func Restore(ctx context.Context, o Options, file string, finish func(*Store, Copy) error) (err error) {
	if o, err = o.complete(); err != nil {
		return err
	}
	copied, err := CheckBackup(file)
	if err != nil {
		return err
	}
	s := &server{dir: o.DataDir}
	defer func() { s.stop() }()
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return err
	}
	if err = os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("the data directory %s cannot be made: %w", s.dir, err)
	}
	if s.lock, err = takeLock(s.dir); err != nil {
		return err
	}
	if entries, err := os.ReadDir(s.etcdDir()); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s holds a state already: move that folder away first, or restore to another data directory", s.etcdDir())
	}
	work, err := os.MkdirTemp(s.dir, "restoring-")
	if err != nil {
		return fmt.Errorf("the data directory %s cannot be written to: %w", s.dir, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := unpack(file, filepath.Join(work, "etcd")); err != nil {
		return fmt.Errorf("the state cannot be restored: %w", err)
	}
	o.DataDir = work
	if err := finishRestored(ctx, o, copied, finish); err != nil {
		return fmt.Errorf("the restored state cannot be used: %w", err)
	}
	if err := os.Remove(s.etcdDir()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return errors.Join(os.Rename(filepath.Join(work, "etcd"), s.etcdDir()), syncDir(s.dir))
}

// unpack makes the folder of a server that stands alone.
func unpack(file, dir string) error {
	config := snapshot.RestoreConfig{
		SnapshotPath: file, OutputDataDir: dir,
		Name: memberName, PeerURLs: []string{nowhere}, InitialCluster: memberName + "=" + nowhere, InitialClusterToken: rand.Text(),
		RevisionBump: lostRevisions, MarkCompacted: true,
	}
	return snapshot.NewV3(zap.NewNop()).Restore(config)
}

// finishRestored opens the restored state. One that was full when it was
// copied gets its room back first, without which it would take nothing.
func finishRestored(ctx context.Context, o Options, copied Copy, finish func(*Store, Copy) error) (err error) {
	store, err := Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	page, err := store.List(ctx, engine.ListRequest{Prefixes: []string{""}, Limit: 1})
	if err != nil {
		return err
	}
	if len(page.Records) == 0 {
		return fmt.Errorf("the backup holds nothing below the prefix %s: give the one that its cluster was used with", o.Prefix)
	}
	if err := store.makeRoom(ctx); err != nil {
		return err
	}
	return finish(store, copied)
}

// makeRoom gives the space back that a restored state does not need, and ends
// the alarm, when there is little left.
func (s *Store) makeRoom(ctx context.Context) error {
	space, err := s.Space(ctx)
	if err != nil || space.shortage() == "" {
		return err
	}
	if err := s.server.awaitCompaction(ctx); err != nil {
		return err
	}
	if err := s.defragment(ctx, ""); err != nil {
		return err
	}
	return s.disarm(ctx)
}

// awaitCompaction waits until what was compacted is gone from the disk.
func (s *server) awaitCompaction(ctx context.Context) error {
	pause := time.NewTicker(firstPause)
	defer pause.Stop()
	for !s.compacted() {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.etcd.Server.Backend().ForceCommit()
	return nil
}

func (s *server) compacted() bool {
	tx := s.etcd.Server.Backend().ReadTx()
	tx.RLock()
	defer tx.RUnlock()
	scheduled, _ := mvcc.UnsafeReadScheduledCompact(tx)
	finished, _ := mvcc.UnsafeReadFinishedCompact(tx)
	return finished >= scheduled
}

// disarm ends the alarms of full members.
func (s *Store) disarm(ctx context.Context) error {
	alarms, err := s.client.AlarmList(ctx)
	if err != nil {
		return s.failed(ctx, err)
	}
	for _, alarm := range alarms.Alarms {
		if alarm.Alarm != etcdserverpb.AlarmType_NOSPACE {
			continue
		}
		if _, err := s.client.AlarmDisarm(ctx, (*clientv3.AlarmMember)(alarm)); err != nil {
			return s.notAllowed(ctx, err)
		}
	}
	return nil
}
