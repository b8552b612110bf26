package etcdstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

// lock is the exclusive use of a data directory. The system ends it with the
// process, however that ends.
type lock struct {
	file *fileutil.LockedFile
}

// takeLock refuses at once when another process, or another store of this
// one, uses the directory.
func takeLock(dir string) (*lock, error) {
	path := filepath.Join(dir, "lock")
	file, err := fileutil.TryLockFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fileutil.ErrLocked) {
		return nil, fmt.Errorf("the data directory %s is in use by %s: stop it first, or choose another directory", dir, owner(path))
	}
	if err != nil {
		return nil, fmt.Errorf("the data directory %s cannot be locked: %w", dir, err)
	}
	l := &lock{file: file}
	if err := l.sign(); err != nil {
		return nil, errors.Join(fmt.Errorf("the data directory %s cannot be written to: %w", dir, err), file.Close())
	}
	return l, nil
}

// sign writes who holds the lock.
func (l *lock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	return err
}

func (l *lock) release() { _ = l.file.Close() } // closing ends the lock; there is nothing left to fail

// owner names the process that holds the lock at path, as far as it can be
// known.
func owner(path string) string {
	const nobodyKnown = "another process"
	text, err := os.ReadFile(path)
	if err != nil {
		return nobodyKnown
	}
	pid := strings.TrimSpace(string(text))
	if pid == "" || strings.Trim(pid, "0123456789") != "" {
		return nobodyKnown
	}
	return "process " + pid
}
