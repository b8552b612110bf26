package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/credence-engine/credence/cmd/credence/output"
	"github.com/credence-engine/credence/config"
	"github.com/credence-engine/credence/engine/etcdstore"
)

// clusterHelp is the part of serve's help that says how nodes form a cluster.
const clusterHelp = `With --cluster, three servers (or five) form an etcd cluster among themselves and go on when one (or two) of them fail.
Between them, open TCP ports 7380 and 7379 in both directions; both take only those who have the cluster's secret.

By token, the first begins the cluster and the others join it, one after the other:
  host-a$ credence serve --cluster
  host-a$ credence cluster token > token
  host-b$ credence serve --cluster --join @token
  host-c$ credence serve --cluster --join @token

By a list, all get the same list and secret, and each its name:
  host-a$ CREDENCE_CLUSTER__SECRET=@secret credence serve --cluster --cluster-name a --cluster-members a=host-a:7380,b=host-b:7380,c=host-c:7380

List, secret and token are for the first start; later 'credence serve --cluster' is enough. 'credence cluster' shows and removes members.

`

// clusterOptions are those of a member of a cluster, nil when the node is none.
// Settings of a cluster without cluster.enabled are refused here, not with the
// configuration, because other commands may be run in a member's environment.
func clusterOptions(c config.Config) (*etcdstore.Cluster, error) {
	m := c.Cluster
	switch {
	case c.Etcd.External():
		return nil, nil
	case !m.Enabled && m.Given(): // a server that stands alone, with an empty state, is not what was meant
		return nil, usagef("settings of cluster are given, so cluster.enabled must be true: start with --cluster")
	case !m.Enabled:
		return nil, nil
	}
	o := &etcdstore.Cluster{
		Name: m.Name, Fallback: c.Node.ID, ListenPeer: m.ListenPeer, ListenClient: m.ListenClient, Advertise: m.Advertise,
	}
	if o.Fallback == "" {
		o.Fallback = hostName()
	}
	for _, text := range m.Members {
		name, address, _ := strings.Cut(text, "=")
		o.Members = append(o.Members, etcdstore.Member{Name: name, Address: address})
	}
	for key, text := range map[string]config.Secret{"secret": m.Secret, "join": m.Join} {
		content, err := textOrFile(string(text))
		switch {
		case errors.Is(err, fs.ErrNotExist) && etcdstore.IsMember(c.DataDir): // it was for the first start, and is gone
		case err != nil:
			return nil, fmt.Errorf("cluster.%s: %w", key, err)
		case key == "secret":
			o.Secret = content
		default:
			o.Join = content
		}
	}
	return o, nil
}

// textOrFile is the text, or what is in the file that it names after an at
// sign.
func textOrFile(text string) (string, error) {
	path, isFile := strings.CutPrefix(text, "@")
	if !isFile {
		return strings.TrimSpace(text), nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if text = strings.TrimSpace(string(content)); text == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return text, nil
}

func newClusterCommand(w *world) *cobra.Command {
	cmd := group("cluster", "The cluster of a server with --cluster: its members, and tokens to join it",
		newClusterMembersCommand(w), newClusterTokenCommand(w), newClusterRemoveCommand(w))
	cmd.Long = cmd.Short + ".\n\nThese commands read the data directory of a member, so they are run where one runs, by its user."
	return cmd
}

// ofDataDir makes a command that works on the data directory of a member.
func ofDataDir(w *world, cmd *cobra.Command, run func(ctx context.Context, dataDir string, args []string) error) *cobra.Command {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	config.BindFlags(all)
	for _, name := range []string{"config", "data-dir"} {
		cmd.Flags().AddFlag(all.Lookup(name))
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := config.Load(config.Options{Environ: w.env, Ignore: clientVariables(), Flags: cmd.Flags()})
		if err != nil {
			return usageError{err.Error()}
		}
		return run(cmd.Context(), c.DataDir, args)
	}
	return cmd
}

func newClusterMembersCommand(w *world) *cobra.Command {
	cmd := &cobra.Command{Use: "members", Short: "List the members and how they are", Args: takes()}
	return ofDataDir(w, cmd, func(ctx context.Context, dataDir string, _ []string) error {
		m, err := etcdstore.OpenMembership(ctx, dataDir)
		if err != nil {
			return err
		}
		defer func() { _ = m.Close() }()
		members, err := m.Members(ctx)
		if err != nil {
			return err
		}
		rows := output.Rows{Header: []string{"NAME", "PEER ADDRESS", "CLIENT ADDRESS", "ROLE", "STATE"}}
		for _, s := range members {
			rows.Add(s.Name, s.Address, s.Client, memberRole(s), memberState(s))
		}
		return output.Write(w.stdout, output.Table, nil, rows)
	})
}

func memberRole(s etcdstore.MemberStatus) string {
	switch {
	case s.Leader:
		return "leader"
	case s.Voter:
		return "voter"
	}
	return "learner"
}

func memberState(s etcdstore.MemberStatus) string {
	switch {
	case s.Reachable:
		return "up"
	case s.Name == "":
		return "never started"
	}
	return "not reachable"
}

func newClusterTokenCommand(w *world) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Print the token with which a further server joins",
		Long: "Print the token with which a further server joins.\n\n" +
			"It holds the cluster's secret: whoever has it can read and write everything. It does not expire. Keep it in a file that\n" +
			"only its owner can read, and remove it when the servers have joined:\n\n" +
			"  umask 077; credence cluster token > token\n  credence serve --cluster --join @token",
		Args: takes(),
	}
	return ofDataDir(w, cmd, func(ctx context.Context, dataDir string, _ []string) error {
		token, err := etcdstore.JoinToken(ctx, dataDir)
		if err == nil {
			_, err = fmt.Fprintln(w.stdout, token)
		}
		return err
	})
}

func newClusterRemoveCommand(w *world) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove a member for good, such as one whose machine is lost",
		Long: "Remove a member for good, such as one whose machine is lost.\n\n" +
			"It is refused when fewer than a majority of the others can be reached. To replace a member, remove it first; then start\n" +
			"another with an empty data directory and a join token. One that has never run is named by its peer address.",
		Args: takes("NAME"),
	}
	return ofDataDir(w, cmd, func(ctx context.Context, dataDir string, args []string) error {
		m, err := etcdstore.OpenMembership(ctx, dataDir)
		if err != nil {
			return err
		}
		defer func() { _ = m.Close() }()
		if err := m.Remove(ctx, args[0]); err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.stderr, "removed the member %s; its data directory is of no more use\n", output.Clean(args[0]))
		return err
	})
}
