package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/output"
	"github.com/credence-engine/credence/engine/wasmhost"
)

// author is what the tools for authors of modules share: the sandbox of the
// server without a server, and the form of the answer.
type author struct {
	w      *world
	format output.Format
	config jsonFlag
	grants jsonFlag
	reach  reachFlags
	sample jsonFlag
}

func newAuthor(w *world) *author { return &author{w: w, format: output.Table} }

// bindOutput defines -o in a command, in the place of the global one.
func (a *author) bindOutput(cmd *cobra.Command) {
	cmd.Flags().VarP(&a.format, "output", "o", "form of the answer")
	completeFlag(cmd, "output", fixed(output.Formats()...))
}

// bindSettings defines the flags with what a service is deployed with.
func (a *author) bindSettings(cmd *cobra.Command) {
	a.config.bind(cmd, "config", "configuration of the service")
	a.grants.bind(cmd, "grants", "capabilities that are granted; without, all that the module asks for")
}

// bindSample defines the flag with the credentials that a check works with.
func (a *author) bindSample(cmd *cobra.Command) {
	a.sample.bind(cmd, "input", "credentials that the service takes, as in run, for one that does not take all")
}

// readSettings reads the flags of bindSettings.
func (a *author) readSettings() error {
	if err := a.config.read(a.w); err != nil {
		return err
	}
	if err := a.sample.read(a.w); err != nil {
		return err
	}
	return a.grants.read(a.w)
}

func (a *author) print(document any, rows output.Rows) error {
	encoded, err := json.Marshal(document)
	if err == nil {
		err = output.Write(a.w.stdout, a.format, encoded, rows)
	}
	if err != nil {
		return fmt.Errorf("cannot write the answer: %w", err)
	}
	return nil
}

// runtime makes the sandbox of a node without configuration. The caller closes
// it. What a module logs, from a level on, goes to the standard error.
func (a *author) runtime(ctx context.Context, least slog.Level) (*wasmhost.Runtime, error) {
	return wasmhost.New(ctx, wasmhost.Options{
		CacheDir: a.w.cacheDir(), Compiler: newCompiler(a.w.program, authorCompileTime), Log: slog.New(&moduleLog{w: a.w, least: least}),
		Ceiling: wasmhost.Ceiling{AllowPrivate: true}, // that is for the node to refuse
	})
}

// authorCompileTime is longer than a node's: it bounds a mistake, not a stranger.
const authorCompileTime = time.Minute

// cacheDir is a folder of the user's for compiled modules, or "" where there is
// none.
func (w *world) cacheDir() string {
	base := w.variable("XDG_CACHE_HOME", "")
	if base == "" {
		home := w.variable("HOME", "")
		if home == "" {
			return ""
		}
		base = filepath.Join(home, ".cache")
	}
	dir := filepath.Join(base, "credence", "compiled")
	if os.MkdirAll(dir, 0o700) != nil {
		return ""
	}
	return dir
}

// moduleLog shows what a module logs, a line each, to its author. Records of
// the runtime itself are not shown: the answer of the command says them.
type moduleLog struct {
	w     *world
	least slog.Level // that is shown; a module takes all to be kept
	mu    sync.Mutex
}

func (l *moduleLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *moduleLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *moduleLog) WithGroup(string) slog.Handler            { return l }

func (l *moduleLog) Handle(_ context.Context, r slog.Record) error {
	if r.Message != wasmhost.ModuleLogMessage || r.Level < l.least {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "text" {
			_, err = fmt.Fprintf(l.w.stderr, "%s: %s\n", strings.ToLower(r.Level.String()), output.Clean(a.Value.String()))
		}
		return a.Key != "text"
	})
	return err
}
