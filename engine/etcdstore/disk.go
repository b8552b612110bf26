package etcdstore

import (
	"fmt"
	"syscall"

	"go.etcd.io/etcd/server/v3/storage/wal"

	"github.com/credence-engine/credence/engine"
)

// reservedBytes of the disk are left to the embedded etcd. A write that it
// cannot finish ends etcd and with it the process, so writes are refused
// before: etcd takes the space of its log one segment ahead, and the database
// grows by at most 16 MiB at a time.
var reservedBytes = uint64(wal.SegmentSizeBytes) + 16<<20

// freeBytes is the space that this user may still fill on the disk of dir.
func freeBytes(dir string) (uint64, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return 0, err
	}
	return stat.Bavail * uint64(stat.Bsize), nil
}

// hasRoom refuses a write while the disk is nearly full.
func (s *server) hasRoom() error {
	free, err := freeBytes(s.dir)
	if err != nil {
		return engine.Wrap(fmt.Errorf("statfs %s: %w", s.dir, err), engine.CodeUnavailable,
			"the data directory cannot be reached: see the log")
	}
	if free < reservedBytes {
		return engine.Errorf(engine.CodeExhausted,
			"the disk of the data directory is nearly full: free %d MiB of it", (reservedBytes-free)>>20+1)
	}
	return nil
}

// hasRoomToStart refuses to start on a disk that is nearly full.
func (s *server) hasRoomToStart() error {
	free, err := freeBytes(s.dir)
	if err != nil {
		return fmt.Errorf("the data directory %s cannot be reached: %w", s.dir, err)
	}
	if free < reservedBytes {
		return fmt.Errorf("the disk of the data directory %s is nearly full: free %d MiB of it", s.dir, (reservedBytes-free)>>20+1)
	}
	return nil
}
