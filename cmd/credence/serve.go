package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/config"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/etcdstore"
	"github.com/credence-engine/credence/engine/etcdstore/epoch"
)

func newServeCommand(w *world) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a server",
		Long: "Run a server until it is interrupted.\n\n" +
			"Without --etcd-endpoints and --cluster the state lives in an embedded etcd in the data directory, which opens no TCP port.\n\n" +
			clusterHelp +
			"Settings come from defaults, then the file of --config, then CREDENCE_ variables, then flags; 'credence config' prints the result.",
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load(config.Options{Environ: w.env, Ignore: clientVariables(), Flags: cmd.Flags()})
			if err != nil {
				return usageError{err.Error()}
			}
			return serve(cmd.Context(), c, w)
		},
	}
	config.BindFlags(cmd.Flags())
	return cmd
}

// serve runs a server until ctx is done. Everything is closed in the reverse
// order of its opening, also after half a start.
func serve(ctx context.Context, c config.Config, w *world) (err error) {
	log := newLogger(c.Log, w.stderr)
	closing := closers{}
	defer func() { err = errors.Join(err, closing.close()) }()

	etcd, err := openStore(ctx, c, log)
	if err != nil {
		return err
	}
	closing.add(etcd.Close)
	store := epoch.New(etcd, epoch.Options{Bytes: c.Cache.Bytes, Log: log})
	closing.add(store.Close)
	signatures, err := signaturePolicy(c.Modules.Signatures)
	if err != nil {
		return err
	}
	vault, err := openVault(c, store, etcd.SharedKey)
	if err != nil {
		return err
	}
	modules, err := newRuntime(ctx, w.program, c.Modules, vault.Secret, log)
	if err != nil {
		return err
	}
	closing.add(func() error { modules.Close(); return nil })
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", c.Listen, err)
	}
	closing.add(func() error { _ = listener.Close(); return nil }) // who serves has closed it
	node := engine.Node{ID: nodeID(c, etcd.Member()), Address: listener.Addr().String(), Release: thisBuild().Version}
	e := engine.New(engine.Options{
		Store: store, Builtins: builtin.Services(), Runtime: modules, Vault: vault, Signatures: signatures, Log: log,
		Node: node, DeployWait: c.Modules.DeployWait, EventStreams: c.HTTP.MaxEventStreams,
		Sessions: engine.SessionOptions{Issuer: c.Sessions.Issuer, MaxTTL: c.Sessions.MaxTTL, KeyRotation: c.Sessions.KeyRotation},
	})
	closing.add(func() error { e.Close(); return nil })
	if err := bootstrap(ctx, e, c, w.stdout); err != nil {
		return err
	}
	gauges := slices.Concat(moduleGauges(modules), cacheGauges(store), spaceGauges(etcd))
	ready := func(ctx context.Context) error {
		if err := etcd.Ready(ctx); err != nil {
			return err
		}
		return e.Ready(ctx)
	}
	server, err := newServer(c, e, gauges, ready, log)
	if err != nil {
		return err
	}
	log.Info("serving", "node", node.ID, "address", listener.Addr().String(), "tls", c.HTTP.TLS.Enabled(), "etcd", etcdKind(c), "member", etcd.Member(), "data", c.DataDir, "version", thisBuild().Version)
	err = runAll(ctx, background(c, e, store, etcd, log), func(ctx context.Context) error { return server.Run(ctx, listener) })
	log.Info("stopped")
	return err
}

// background is the work of a node beside its front end.
func background(c config.Config, e *engine.Engine, store *epoch.Store, etcd *etcdstore.Store, log *slog.Logger) func(context.Context) error {
	files := dropIn{
		dir: c.Modules.DropIn, engine: e, log: log,
		maxBytes: c.HTTP.MaxModuleBytes, timeout: c.HTTP.DeployTimeout, conflicts: c.HTTP.DeployTimeout / 2,
	}
	return func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return e.Run(ctx) })
		group.Go(func() error { return etcd.Wait(ctx) })
		group.Go(func() error { files.run(ctx); return nil })
		group.Go(func() error {
			store.Report(ctx, func(words []string) { e.ReportProblems("cache", words) })
			return nil
		})
		group.Go(func() error { watchSpace(ctx, etcd, e, log); return nil })
		if c.Etcd.Maintained() {
			group.Go(func() error {
				etcd.Maintain(ctx, etcdstore.Maintenance{
					FreeBytes: c.Etcd.Maintenance.FreeBytes, State: store,
					Report: func(words []string) { e.ReportProblems("etcd", words) },
				})
				return nil
			})
		}
		return group.Wait()
	}
}

// runAll runs the engine's background work for as long as the front end serves,
// so that requests in flight finish on a whole engine.
func runAll(ctx context.Context, background, front func(context.Context) error) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	serving, cancel := context.WithCancel(ctx)
	defer cancel()
	var group errgroup.Group
	group.Go(func() error {
		defer cancel() // without its background work a node does not serve
		return background(work)
	})
	group.Go(func() error {
		defer stop()
		return front(serving)
	})
	return group.Wait()
}

func openStore(ctx context.Context, c config.Config, log *slog.Logger) (*etcdstore.Store, error) {
	options, err := storeOptions(c, log)
	if err != nil {
		return nil, err
	}
	if options.Cluster, err = clusterOptions(c); err != nil {
		return nil, err
	}
	return etcdstore.Open(ctx, options)
}

func storeOptions(c config.Config, log *slog.Logger) (etcdstore.Options, error) {
	files := etcdstore.TLSFiles{CAFile: c.Etcd.TLS.CAFile, CertFile: c.Etcd.TLS.CertFile, KeyFile: c.Etcd.TLS.KeyFile, ServerName: c.Etcd.TLS.ServerName}
	tls, err := files.Config()
	return etcdstore.Options{
		Endpoints: c.Etcd.Endpoints, Prefix: c.Etcd.Prefix, Logger: log,
		DialTimeout: c.Etcd.DialTimeout, Lease: c.Node.Lease, Username: c.Etcd.Username, Password: string(c.Etcd.Password), TLS: tls,
		QuotaBytes: c.Etcd.QuotaBytes,
		DataDir:    c.DataDir, Embedded: etcdstore.Embedded{QuotaBytes: c.Etcd.Embedded.QuotaBytes},
	}, err
}

func etcdKind(c config.Config) string {
	switch {
	case c.Etcd.External():
		return "external"
	case c.Cluster.Enabled:
		return "cluster"
	}
	return "embedded"
}

// bootstrap makes the first administrator. A generated password is printed
// once, past the log, and kept in a file that only the owner of the process can
// read.
func bootstrap(ctx context.Context, e *engine.Engine, c config.Config, out io.Writer) error {
	password, err := e.Bootstrap(ctx, string(c.BootstrapPassword))
	if err != nil || password == "" {
		return err
	}
	file := filepath.Join(c.DataDir, "admin-password")
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Created the first administrator: user %s, password %s\nThe password is not shown again; it is in %s.\n", engine.BootstrapUser, password, file)
	return err
}
