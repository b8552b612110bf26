package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/config"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/etcdstore"
)

const restoreHelp = `Make the state of a data directory from a backup. The directory must hold none: move its folder etcd away first, and leave the rest, above all secret.key, where it is. Then start the server.

For an external etcd, stop the nodes and restore each member with etcd's own tool, so that no revision is given out twice:

  etcdutl snapshot restore FILE --bump-revision 1000000000000 --mark-compacted --data-dir DIR --name NAME --initial-cluster ... --initial-advertise-peer-urls ...

start the members, mark the state as restored, and then start the nodes:

  credence restore --mark FILE --etcd-endpoints ...

What was changed after the backup is lost, revocations among it. So a restore begins a new generation of the state, and every node warns of what may be lost until 'credence generation acknowledge'.`

// restoring are the flags of a restore.
type restoring struct {
	mark     bool
	backupAt string
	at       time.Time
}

func newRestoreCommand(w *world) *cobra.Command {
	var r restoring
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make the state of a stopped server from a backup",
		Long:  restoreHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if r.mark && len(args) == 0 {
				return nil
			}
			return takes("FILE")(cmd, args)
		},
	}
	config.BindStateFlags(cmd.Flags())
	cmd.Flags().BoolVar(&r.mark, "mark", false, "begin a new generation of a cluster that was restored by other means, and restore nothing")
	cmd.Flags().StringVar(&r.backupAt, "backup-at", "", "`time` of the backup, if it was not made by credence backup, such as 2026-01-31T12:00:00Z")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		c, err := config.Load(config.Options{Environ: w.env, Ignore: clientVariables(), Flags: cmd.Flags()})
		if err != nil {
			return usageError{err.Error()}
		}
		if r.backupAt != "" {
			if r.at, err = time.Parse(time.RFC3339, r.backupAt); err != nil {
				return usagef("--backup-at %q is no time: write it as 2026-01-31T12:00:00Z", r.backupAt)
			}
		}
		switch {
		case r.mark:
			return r.markRestored(cmd.Context(), c, w, args)
		case c.Etcd.External():
			return usagef("an external etcd is restored by its own tools: see credence restore --help")
		}
		return r.restore(cmd.Context(), c, w, args[0])
	}
	return cmd
}

func (r restoring) restore(ctx context.Context, c config.Config, w *world, file string) error {
	options, err := storeOptions(c, newLogger(c.Log, w.stderr))
	if err != nil {
		return err
	}
	var g engine.Generation
	err = etcdstore.Restore(ctx, options, file, func(store *etcdstore.Store, copied etcdstore.Copy) error {
		return withEngine(store, func(_ *etcdstore.Store, e *engine.Engine) (err error) {
			g, err = e.RaiseGeneration(ctx, operator, r.at, copied.Revision)
			return err
		})
	})
	if err != nil {
		return err
	}
	if err := sayRestored(w, g, "The state is restored to "+c.DataDir); err != nil {
		return err
	}
	key := filepath.Join(c.DataDir, secretKeyFile)
	if _, err := os.Stat(key); errors.Is(err, fs.ErrNotExist) && c.Secrets == (config.Secrets{}) {
		_, err = fmt.Fprintf(w.stdout, "If secrets were used, put the copy of their key at %s before the server starts: it would make a new one.\n", key)
		return err
	}
	return nil
}

// markRestored begins the generation of a cluster. A file tells which
// revisions are kept.
func (r restoring) markRestored(ctx context.Context, c config.Config, w *world, args []string) error {
	if !c.Etcd.External() {
		return usagef("--mark is for an external etcd: name its members with --etcd-endpoints")
	}
	var kept engine.Revision
	if len(args) > 0 {
		copied, err := etcdstore.CheckBackup(args[0])
		if err != nil {
			return err
		}
		kept = copied.Revision
	}
	return onState(ctx, c, w, func(_ *etcdstore.Store, e *engine.Engine) error {
		g, err := e.RaiseGeneration(ctx, operator, r.at, kept)
		if err != nil {
			return err
		}
		return sayRestored(w, g, "The state is marked as restored")
	})
}

func sayRestored(w *world, g engine.Generation, what string) error {
	since := "the backup, whose time is unknown,"
	if !g.BackupAt.IsZero() {
		since = timeText(g.BackupAt)
	}
	_, err := fmt.Fprintf(w.stdout, "%s. It is of generation %d: what was changed between %s and now is lost, revocations among it. "+
		"Make those again, then: credence generation acknowledge %d\n", what, g.Number, since, g.Number)
	return err
}
