package etcdstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

// beside opens the store of a running embedded server as another process
// would.
func beside(t *testing.T, dir string) *Store {
	t.Helper()
	socket, err := Socket(dir)
	require.NoError(t, err)
	return open(t, Options{Endpoints: []string{socket}})
}

// backedUp returns a backup of a store that holds one key.
func backedUp(t *testing.T) string {
	t.Helper()
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	store, err := Open(t.Context(), Options{DataDir: dir})
	require.NoError(t, err)
	_, err = store.Commit(t.Context(), put("k", "v"))
	require.NoError(t, err)
	_, err = store.Backup(t.Context(), file, false)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	return file
}

func nothingMore(*Store, Copy) error { return nil }

func TestABackupTakenWhileWritesGoOnHoldsAllThatWasAcknowledgedBefore(t *testing.T) {
	for name, dir := range map[string]string{"shallow": t.TempDir(), "deep": filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))} {
		t.Run(name, func(t *testing.T) {
			store := open(t, Options{DataDir: dir})
			var writing sync.WaitGroup
			var mu sync.Mutex
			written, stop := 0, false
			writing.Go(func() {
				for n := 0; ; n++ {
					if _, err := store.Commit(t.Context(), put(fmt.Sprintf("k/%06d", n), "v")); err != nil {
						t.Errorf("commit: %v", err)
						return
					}
					mu.Lock()
					written = n + 1
					over := stop
					mu.Unlock()
					if over {
						return
					}
				}
			})
			count := func() int {
				mu.Lock()
				defer mu.Unlock()
				return written
			}
			require.Eventually(t, func() bool { return count() > 100 }, patience, poll)
			before := count()
			file := filepath.Join(t.TempDir(), "backup")
			copied, err := beside(t, dir).Backup(t.Context(), file, false)
			require.NoError(t, err)
			info, err := os.Stat(file)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
			require.Equal(t, info.Size(), copied.Bytes)
			require.Eventually(t, func() bool { return count() > before+100 }, patience, poll)
			mu.Lock()
			stop = true
			mu.Unlock()
			writing.Wait()
			last, err := store.Commit(t.Context(), put("after", "the backup"))
			require.NoError(t, err)

			restored := filepath.Join(t.TempDir(), "data")
			require.NoError(t, Restore(t.Context(), Options{DataDir: restored}, file, func(s *Store, c Copy) error {
				require.Equal(t, copied, c)
				_, err := s.Commit(t.Context(), put("note", "restored"))
				return err
			}))
			again := open(t, Options{DataDir: restored})
			for n := range before {
				require.Equal(t, "v", valueOf(t, again, fmt.Sprintf("k/%06d", n)))
			}
			require.Empty(t, valueOf(t, again, "after"))
			require.Equal(t, "restored", valueOf(t, again, "note"))
			requireNoWayBack(t, again, last)
		})
	}
}

// requireNoWayBack checks that a revision from before a restore is never taken
// for one after it.
func requireNoWayBack(t *testing.T, store *Store, rev engine.Revision) {
	t.Helper()
	now, err := store.Revision(t.Context())
	require.NoError(t, err)
	require.Greater(t, now, rev)
	_, err = store.Read(t.Context(), engine.AsOf(rev), "after")
	require.ErrorIs(t, err, engine.ErrCompacted)
	_, err = store.List(t.Context(), engine.ListRequest{Prefixes: []string{"k/"}, Limit: 1, Consistency: engine.AsOf(rev)})
	require.ErrorIs(t, err, engine.ErrCompacted)
	for _, err := range store.Watch(t.Context(), "k/", rev) {
		require.ErrorIs(t, err, engine.ErrCompacted)
	}
	_, err = store.Commit(t.Context(), engine.Commit{Checks: []engine.Check{{Key: "after", Version: rev}}, Writes: put("after", "x").Writes})
	require.ErrorIs(t, err, engine.ErrConflict)
}

func TestABackupDoesNotReplaceAnotherUnlessToldTo(t *testing.T) {
	store := open(t, Options{DataDir: t.TempDir()})
	_, err := store.Commit(t.Context(), put("k", "v"))
	require.NoError(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, "backup")
	require.NoError(t, os.WriteFile(file, []byte("precious"), 0o600))
	_, err = store.Backup(t.Context(), file, false)
	require.ErrorContains(t, err, "--force")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "precious", string(text))
	_, err = store.Backup(t.Context(), file, true)
	require.NoError(t, err)
	_, err = CheckBackup(file)
	require.NoError(t, err)
	_, err = store.Backup(t.Context(), filepath.Join(dir, "absent", "backup"), false)
	require.ErrorContains(t, err, "cannot be written")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "what was not finished is gone")
}

func TestADamagedBackupIsRefused(t *testing.T) {
	whole, err := os.ReadFile(backedUp(t))
	require.NoError(t, err)
	flipped := func(at int) []byte {
		b := append([]byte(nil), whole...)
		b[at] ^= 1
		return b
	}
	for name, content := range map[string][]byte{
		"empty":              {},
		"text":               []byte("no backup"),
		"only a checksum":    whole[len(whole)-32:],
		"without its sum":    whole[:len(whole)-32],
		"cut at a page":      whole[:len(whole)-32-4096],
		"cut within a page":  whole[:len(whole)-100],
		"its sum is wrong":   flipped(len(whole) - 1),
		"a bit has changed":  flipped(len(whole) / 2),
		"a sector and a sum": whole[:512+32],
	} {
		t.Run(name, func(t *testing.T) {
			file, dir := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "data")
			require.NoError(t, os.WriteFile(file, content, 0o600))
			_, err := CheckBackup(file)
			require.ErrorContains(t, err, file)
			require.Equal(t, err, Restore(t.Context(), Options{DataDir: dir}, file, nothingMore))
			require.NoDirExists(t, dir)
		})
	}
	_, err = CheckBackup(filepath.Join(t.TempDir(), "absent"))
	require.ErrorContains(t, err, "cannot be read")
}

func TestARestoreIsWholeOrNotAtAll(t *testing.T) {
	file := backedUp(t)
	used := t.TempDir()
	open(t, Options{DataDir: used})
	full := t.TempDir()
	store, err := Open(t.Context(), Options{DataDir: full})
	require.NoError(t, err)
	_, err = store.Commit(t.Context(), put("k", "of its own"))
	require.NoError(t, err)
	require.NoError(t, store.Close())
	failing := errors.New("it cannot be finished")
	for name, test := range map[string]struct {
		options Options
		finish  func(*Store, Copy) error
		says    string
	}{
		"in use":            {Options{DataDir: used}, nothingMore, "in use by process"},
		"another state":     {Options{DataDir: full}, nothingMore, "holds a state already"},
		"another prefix":    {Options{DataDir: t.TempDir(), Prefix: "/another/"}, nothingMore, "nothing below the prefix /another/"},
		"not finished":      {Options{DataDir: t.TempDir()}, func(*Store, Copy) error { return failing }, failing.Error()},
		"no data directory": {Options{}, nothingMore, "data directory"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, Restore(t.Context(), test.options, file, test.finish), test.says)
			left, err := filepath.Glob(filepath.Join(test.options.DataDir, "restoring-*"))
			require.NoError(t, err)
			require.Empty(t, left)
			if test.options.DataDir != used && test.options.DataDir != full {
				require.NoDirExists(t, filepath.Join(test.options.DataDir, "etcd"))
			}
		})
	}
	require.Equal(t, "of its own", valueOf(t, open(t, Options{DataDir: full}), "k"))
}

func TestABackupOfAFullStoreIsRestoredWithRoom(t *testing.T) {
	o := Options{DataDir: t.TempDir(), Embedded: Embedded{QuotaBytes: 8 * mib}}
	store, err := Open(t.Context(), o)
	require.NoError(t, err)
	var refused error
	for n := 0; refused == nil; n++ { // one key, so that all but the last is history
		_, refused = store.Commit(t.Context(), put("k", strings.Repeat("x", 900<<10)))
		require.Less(t, n, 100)
	}
	require.Equal(t, engine.CodeExhausted, engine.CodeOf(refused))
	file := filepath.Join(t.TempDir(), "backup")
	_, err = store.Backup(t.Context(), file, false)
	require.NoError(t, err)
	require.NoError(t, store.Close())

	o.DataDir = t.TempDir()
	require.NoError(t, Restore(t.Context(), o, file, func(s *Store, _ Copy) error {
		_, err := s.Commit(t.Context(), put("note", "there is room"))
		return err
	}))
	again := open(t, o)
	require.Equal(t, "there is room", valueOf(t, again, "note"))
	space, err := again.Space(t.Context())
	require.NoError(t, err)
	require.Empty(t, space.Problem())
}

func TestOnlyARunningServerHasASocket(t *testing.T) {
	for name, dir := range map[string]string{"shallow": t.TempDir(), "deep": filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))} {
		t.Run(name, func(t *testing.T) {
			store, err := Open(t.Context(), Options{DataDir: dir})
			require.NoError(t, err)
			_, err = Socket(dir)
			require.NoError(t, err)
			require.NoError(t, store.Close())
			_, err = Socket(dir)
			require.ErrorContains(t, err, "no server runs on the data directory "+dir)
		})
	}
}
