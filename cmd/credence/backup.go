package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/config"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/etcdstore"
	"github.com/credence-engine/credence/engine/etcdstore/epoch"
)

// operator is who works on the state itself, past every server. The audit log
// names it.
var operator = engine.Caller{Tenant: engine.DefaultTenant, User: "operator"}

func newBackupCommand(w *world) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the state of a running server or cluster to a file",
		Long: "Copy the state to a file, while it is in use: that of the server which runs on the data directory, or of the cluster of --etcd-endpoints. " +
			"All that was acknowledged before is in the file, which appears when it is complete and checked. It is a snapshot of etcd; " +
			"'credence restore' makes a data directory of it, and so does etcdutl.\n\n" +
			"Secrets are in it encrypted, passwords as hashes, and credentials as they are: keep it as you keep the data directory.",
		Args: takes("FILE"),
	}
	config.BindStateFlags(cmd.Flags())
	cmd.Flags().BoolVar(&force, "force", false, "replace a file of that name")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := config.Load(config.Options{Environ: w.env, Ignore: clientVariables(), Flags: cmd.Flags()})
		if err != nil {
			return usageError{err.Error()}
		}
		return backup(cmd.Context(), c, w, args[0], force)
	}
	return cmd
}

// backup copies the state of the first member that can.
func backup(ctx context.Context, c config.Config, w *world, file string, force bool) error {
	if _, err := os.Lstat(file); err == nil && !force {
		return fmt.Errorf("%s is there already: choose another name, or replace it with --force", file)
	}
	embedded := !c.Etcd.External()
	if embedded {
		socket, err := etcdstore.Socket(c.DataDir)
		if err != nil {
			return err
		}
		c.Etcd.Endpoints = []string{socket}
	}
	var failures []error
	for _, endpoint := range c.Etcd.Endpoints {
		one := c
		one.Etcd.Endpoints = []string{endpoint}
		err := onState(ctx, one, w, func(store *etcdstore.Store, e *engine.Engine) error {
			return backupMember(ctx, w, store, e, file, force)
		})
		if err == nil {
			if key := filepath.Join(c.DataDir, secretKeyFile); embedded && c.Secrets == (config.Secrets{}) {
				_, err = fmt.Fprintf(w.stdout, "The key of the secrets is not in it: keep a copy of %s in another place.\n", key)
			}
			return err
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// onState runs fn on the store that the configuration names, with an engine
// that serves nobody.
func onState(ctx context.Context, c config.Config, w *world, fn func(*etcdstore.Store, *engine.Engine) error) (err error) {
	log := newLogger(c.Log, w.stderr)
	store, err := openStore(ctx, c, log)
	if err != nil {
		return err
	}
	closing := closers{store.Close}
	defer func() { err = errors.Join(err, closing.close()) }()
	return withEngine(store, fn)
}

// withEngine gives fn an engine on a store. Its commits tell the nodes' caches
// of themselves.
func withEngine(store *etcdstore.Store, fn func(*etcdstore.Store, *engine.Engine) error) error {
	state := epoch.New(store, epoch.Options{})
	e := engine.New(engine.Options{Store: state})
	err := fn(store, e)
	e.Close()
	return errors.Join(err, state.Close())
}

func backupMember(ctx context.Context, w *world, store *etcdstore.Store, e *engine.Engine, file string, force bool) error {
	note, err := e.NoteBackup(ctx, operator, thisBuild().Version)
	switch {
	case engine.CodeOf(err) == engine.CodeExhausted: // just then a backup is wanted
		fmt.Fprintf(w.stderr, "credence: the store takes no note of this backup, so keep by yourself when it was made: %v\n", err)
		note.At = time.Now().UTC().Truncate(time.Second)
	case err != nil:
		return err
	}
	copied, err := store.Backup(ctx, file, force)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.stdout, "%s holds the state as of %s: revision %d, %d keys, %d bytes.\n",
		file, timeText(note.At), copied.Revision, copied.Keys, copied.Bytes)
	return err
}
