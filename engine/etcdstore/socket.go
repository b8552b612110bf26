package etcdstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// maxSocketPath is the longest path of a unix socket on Linux: sun_path has
// 108 bytes, the last of which is NUL.
const maxSocketPath = 107

// sockets is the folder of the embedded server's socket, which only its owner
// may enter.
type sockets struct {
	dir       string
	elsewhere bool // the data directory's path is too long for a socket
}

// makeSockets makes the folder in the data directory or, when the socket's
// path would be too long there, among the temporary files.
func makeSockets(dataDir string) (*sockets, error) {
	s := &sockets{dir: filepath.Join(dataDir, "run")}
	if len(s.client()) <= maxSocketPath {
		if err := errors.Join(os.MkdirAll(s.dir, 0o700), os.Chmod(s.dir, 0o700)); err != nil { //nolint:gosec // a folder needs the x
			return nil, fmt.Errorf("no folder for the socket of the embedded etcd: %w", err)
		}
		return s, nil
	}
	dir, err := os.MkdirTemp("", "credence-")
	if err != nil {
		return nil, fmt.Errorf("no folder for the socket of the embedded etcd: %w", err)
	}
	s = &sockets{dir: dir, elsewhere: true}
	if len(s.client()) > maxSocketPath {
		s.remove()
		return nil, fmt.Errorf("the socket of the embedded etcd cannot have a path of more than %d bytes: "+
			"use a shorter data directory, or a shorter TMPDIR than %s", maxSocketPath, os.TempDir())
	}
	return s, nil
}

func (s *sockets) client() string { return filepath.Join(s.dir, "etcd.sock") }

// remove leaves the folder in the data directory and nothing in it. What
// cannot be removed does no harm: the next start replaces it.
func (s *sockets) remove() {
	_ = os.Remove(s.client())
	if s.elsewhere {
		_ = os.RemoveAll(s.dir)
	}
}
