package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/output"
)

// settle is how long nothing may be saved before a build begins: editors write
// a file in several steps.
const settle = 150 * time.Millisecond

func newModuleWatchCommand(w *world) *cobra.Command {
	a := newAuthor(w)
	var module string
	cmd := &cobra.Command{
		Use:   "watch DIR -- COMMAND...",
		Short: "Build and check a module whenever a file is saved",
		Long: "Build and check a module at once and then whenever a file in DIR or below is saved, until it is interrupted. COMMAND builds and runs in DIR; what is checked then is the\n" +
			"module that --module names, or else the newest *.wasm in DIR or DIR/build. Folders named build, target or node_modules and dot-files are not watched.",
		Example: "  credence module watch my-service -- make build",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.ArgsLenAtDash() != 1 {
				return usagef("%s takes DIR, then -- and the command that builds", cmd.CommandPath())
			}
			s := &watch{author: a, cmd: cmd, dir: args[0], build: args[1:], module: module}
			return s.run(cmd.Context())
		},
	}
	a.bindSettings(cmd)
	a.bindSample(cmd)
	cmd.Flags().StringVar(&module, "module", "", "`file` that the build writes")
	first(cmd, a.readSettings)
	return cmd
}

// watch builds and checks again and again.
type watch struct {
	author *author
	cmd    *cobra.Command
	dir    string
	build  []string
	module string
}

// run goes on until ctx ends, which is no error.
func (s *watch) run(ctx context.Context) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("cannot watch files: %w", err)
	}
	defer func() { _ = watcher.Close() }() // nothing is written through it
	if err := watchBelow(watcher, s.dir); err != nil {
		return fmt.Errorf("cannot watch %s: %w", s.dir, err)
	}
	timer := time.NewTimer(0) // the first build is at once
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-watcher.Events:
			if !ignored(s.dir, event.Name) && !event.Has(fsnotify.Chmod) {
				_ = watchBelow(watcher, event.Name) // a new folder; what is gone again does not matter
				timer.Reset(settle)
			}
		case err := <-watcher.Errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return fmt.Errorf("cannot watch %s any longer: %w", s.dir, err)
			}
			timer.Reset(settle) // something was saved
		case <-timer.C:
			s.once(ctx)
		}
	}
}

// watchBelow watches a folder and those in it. A file is no folder.
func watchBelow(watcher *fsnotify.Watcher, root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir():
			return nil
		case path != root && ignored(root, path):
			return filepath.SkipDir
		}
		return watcher.Add(path)
	})
}

// ignored are the paths that builds write, and files of editors.
func ignored(root, path string) bool {
	relative, err := filepath.Rel(root, path)
	if err != nil {
		return true
	}
	for part := range strings.SplitSeq(filepath.ToSlash(relative), "/") {
		switch {
		case part == "build" || part == "target" || part == "node_modules":
			return true
		case strings.HasPrefix(part, ".") && part != "." && part != "..", strings.HasSuffix(part, "~"), strings.HasSuffix(part, ".wasm"):
			return true
		}
	}
	return false
}

// once builds and checks, and says how that went.
func (s *watch) once(ctx context.Context) {
	w := s.author.w
	began := time.Now()
	build := exec.CommandContext(ctx, s.build[0], s.build[1:]...)
	build.Dir, build.Stdout, build.Stderr = s.dir, w.stderr, w.stderr
	build.Env = append([]string{}, w.env...)
	if w.program != "" {
		build.Env = append(build.Env, "CREDENCE="+w.program)
	}
	build.WaitDelay = time.Second // for what the build has started and not ended
	err := build.Run()
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.sayf("the build failed: %v", err)
		return
	}
	path, err := s.newest()
	if err == nil {
		var wasm []byte
		if wasm, err = readInput(w, path); err == nil {
			err = s.author.check(s.cmd, path, wasm)
		}
	}
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, errRejected): // the report has said it
		s.sayf("failed after %s", time.Since(began).Round(time.Millisecond))
	case err != nil:
		s.sayf("%v", err)
	default:
		s.sayf("passed after %s", time.Since(began).Round(time.Millisecond))
	}
}

// newest is the module that the build has written.
func (s *watch) newest() (string, error) {
	if s.module != "" {
		return s.module, nil
	}
	var newest string
	var at time.Time
	for _, pattern := range []string{"*.wasm", "build/*.wasm"} {
		files, _ := filepath.Glob(filepath.Join(s.dir, filepath.FromSlash(pattern))) // the pattern is right
		for _, file := range files {
			if info, err := os.Stat(file); err == nil && info.ModTime().After(at) {
				newest, at = file, info.ModTime()
			}
		}
	}
	if newest == "" {
		return "", fmt.Errorf("there is no *.wasm in %s or %s: name the file that the build writes with --module", s.dir, filepath.Join(s.dir, "build"))
	}
	return newest, nil
}

func (s *watch) sayf(format string, args ...any) {
	fmt.Fprintln(s.author.w.stdout, output.Clean("["+time.Now().Format(time.TimeOnly)+"] "+fmt.Sprintf(format, args...)))
}
