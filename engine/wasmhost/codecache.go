package wasmhost

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// codeCache is the folder of compiled code. wazero keeps a file for each
// module in a folder of its version; beside those stands a note for each
// module that was compiled within the limits, so that nothing else is ever
// compiled by this process.
type codeCache struct{ dir string }

// The names of what a cache holds.
const (
	codeFiles   = "wazero-*/*"
	codeNotes   = "notes"
	codeNewborn = "compiling-"
)

// has tells that a module's code is there.
func (c codeCache) has(module []byte) bool {
	file, err := os.ReadFile(c.note(module))
	if err != nil {
		return false
	}
	info, err := os.Stat(filepath.Join(c.dir, string(file)))
	return err == nil && info.Mode().IsRegular()
}

// note is about a module and a version of wazero, whose code another version
// does not read.
func (c codeCache) note(module []byte) string {
	sum := sha256.New()
	sum.Write([]byte(wazeroVersion()))
	sum.Write(module)
	return filepath.Join(c.dir, codeNotes, hex.EncodeToString(sum.Sum(nil)))
}

// wazeroVersion is the version that this program was built with, if it knows.
var wazeroVersion = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, d := range info.Deps {
		if d.Path == "github.com/tetratelabs/wazero" {
			return d.Version
		}
	}
	return ""
})

// add lets compile write a module's code into an empty folder, and takes it over
// when it has succeeded.
func (c codeCache) add(module []byte, compile func(dir string) error) error {
	dir, err := os.MkdirTemp(c.dir, codeNewborn)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := compile(dir); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(codeFiles)))
	if err != nil || len(files) != 1 {
		return errors.Join(err, errors.New("the compiler has left no code"))
	}
	name, err := filepath.Rel(dir, files[0])
	if err != nil {
		return err
	}
	for _, folder := range []string{filepath.Dir(name), codeNotes} {
		if err := os.MkdirAll(filepath.Join(c.dir, folder), 0o700); err != nil {
			return err
		}
	}
	if err := os.Rename(files[0], filepath.Join(c.dir, name)); err != nil {
		return err
	}
	return os.WriteFile(c.note(module), []byte(name), 0o600)
}

// forget empties the cache. What cannot be removed stays.
func (c codeCache) forget() {
	for _, pattern := range []string{codeFiles, codeNotes + "/*"} {
		files, _ := filepath.Glob(filepath.Join(c.dir, filepath.FromSlash(pattern)))
		for _, file := range files {
			_ = os.Remove(file)
		}
	}
}

// tidy removes what processes that were killed have left, but not what others
// are still working at.
func (c codeCache) tidy(now time.Time) {
	entries, _ := os.ReadDir(c.dir)
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), codeNewborn) && now.Sub(info.ModTime()) > time.Hour {
			_ = os.RemoveAll(filepath.Join(c.dir, e.Name()))
		}
	}
}
