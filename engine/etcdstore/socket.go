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

// Socket is the endpoint of the embedded server that runs on a data directory,
// for [Options.Endpoints] of another process.
func Socket(dataDir string) (string, error) {
	dir, err := filepath.Abs(dataDir)
	if err != nil {
		return "", fmt.Errorf("the data directory %s cannot be found: %w", dataDir, err)
	}
	path := (&sockets{dir: filepath.Join(dir, "run")}).client()
	if len(path) > maxSocketPath {
		text, err := os.ReadFile(signpost(dir))
		if err != nil {
			return "", fmt.Errorf("no server runs on the data directory %s: start it, or name another with --data-dir", dataDir)
		}
		path = string(text)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("no server runs on the data directory %s: start it, or name another with --data-dir", dataDir)
	}
	return "unix://" + path, nil
}

// signpost is the file that names a socket which lies elsewhere.
func signpost(dataDir string) string { return filepath.Join(dataDir, "socket") }

// sockets is the folder of the embedded server's socket, which only its owner
// may enter.
type sockets struct {
	dir      string
	signpost string // set when the data directory's path is too long for a socket
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
	s = &sockets{dir: dir, signpost: signpost(dataDir)}
	if len(s.client()) > maxSocketPath {
		s.remove()
		return nil, fmt.Errorf("the socket of the embedded etcd cannot have a path of more than %d bytes: "+
			"use a shorter data directory, or a shorter TMPDIR than %s", maxSocketPath, os.TempDir())
	}
	if err := os.WriteFile(s.signpost, []byte(s.client()), 0o600); err != nil {
		s.remove()
		return nil, fmt.Errorf("no folder for the socket of the embedded etcd: %w", err)
	}
	return s, nil
}

func (s *sockets) client() string { return filepath.Join(s.dir, "etcd.sock") }

// remove leaves the folder in the data directory and nothing in it. What
// cannot be removed does no harm: the next start replaces it.
func (s *sockets) remove() {
	_ = os.Remove(s.client())
	if s.signpost != "" {
		_ = os.RemoveAll(s.dir)
		_ = os.Remove(s.signpost)
	}
}
