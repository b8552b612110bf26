package etcdstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"

	"github.com/credence-engine/credence/engine"
)

// Copy is what a backup file holds.
type Copy struct {
	Revision engine.Revision // the last one
	Keys     int             // of the whole etcd, whoever they belong to
	Bytes    int64           // of the file
}

// Backup writes a copy of the whole etcd to a new file that only its owner can
// read; replace allows it to take the place of an old one. The file appears
// when it is complete, checked and on the disk, and not at all otherwise. It
// is a snapshot as etcd's own tools make and restore it.
//
// It holds every commit that this store made before. Open the store on one
// member: the copy is of that member, and another may be behind.
func (s *Store) Backup(ctx context.Context, path string, replace bool) (Copy, error) {
	if err := s.begin(); err != nil {
		return Copy{}, err
	}
	defer s.calls.Done()
	if _, err := os.Lstat(path); err == nil && !replace {
		return Copy{}, fmt.Errorf("%s is there already: choose another name, or replace it with --force", path)
	}
	start, err := s.Revision(ctx)
	if err != nil {
		return Copy{}, err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.partial") // with mode 0600
	if err != nil {
		return Copy{}, fmt.Errorf("the backup cannot be written: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // gone already when all went well
	if err = errors.Join(s.copyTo(ctx, file), file.Close()); err != nil {
		return Copy{}, fmt.Errorf("the backup is not complete: %w", err)
	}
	copied, err := CheckBackup(file.Name())
	if err == nil && copied.Revision < start {
		err = fmt.Errorf("the member is behind: it copied revision %d, and the state is at %d or later", copied.Revision, start)
	}
	if err != nil {
		return Copy{}, err
	}
	return copied, publish(file.Name(), path, replace)
}

// copyTo streams the copy, and sees that it is on the disk.
func (s *Store) copyTo(ctx context.Context, file *os.File) error {
	stream, err := s.client.SnapshotWithVersion(ctx)
	if err != nil {
		return s.failed(ctx, err)
	}
	defer func() { _ = stream.Snapshot.Close() }()
	if _, err := io.Copy(file, stream.Snapshot); err != nil {
		return err
	}
	return file.Sync()
}

// publish gives a complete file its name.
func publish(from, path string, replace bool) error {
	var err error
	if replace {
		err = os.Rename(from, path)
	} else {
		err = os.Link(from, path) // refuses a name that is taken
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s has appeared meanwhile: choose another name", path)
	}
	return errors.Join(err, syncDir(filepath.Dir(path)))
}

// syncDir makes what was done to the names in a folder last.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// CheckBackup reads a backup file and refuses one that is not whole: its
// checksum must hold, and so must the structure of the database in it.
func CheckBackup(path string) (Copy, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Copy{}, fmt.Errorf("the backup cannot be read: %w", err)
	}
	if err := checkSum(path, info.Size()); err != nil {
		return Copy{}, fmt.Errorf("%s is damaged, or no backup: %w", path, err)
	}
	status, err := snapshot.NewV3(zap.NewNop()).Status(path)
	if err != nil {
		return Copy{}, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return Copy{Revision: engine.Revision(status.Revision), Keys: status.TotalKey, Bytes: info.Size()}, nil
}

// sectorBytes divides the size of a database, so that what is over is the
// checksum behind it.
const sectorBytes = 512

// checkSum compares the SHA-256 at the end of a file with what comes before.
func checkSum(path string, size int64) error {
	if size < sectorBytes || size%sectorBytes != sha256.Size {
		return fmt.Errorf("it has %d bytes and no checksum at its end", size)
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	if _, err := io.CopyN(sum, file, size-sha256.Size); err != nil {
		return err
	}
	return sameSum(sum, file)
}

func sameSum(sum hash.Hash, rest io.Reader) error {
	want, err := io.ReadAll(rest)
	if err != nil {
		return err
	}
	if got := sum.Sum(nil); string(got) != string(want) {
		return fmt.Errorf("its checksum is %x, and should be %x", got, want)
	}
	return nil
}
