package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
)

// completionTimeout bounds what a person waits for after the Tab key.
const completionTimeout = 2 * time.Second

// candidates finds the words that could stand at a place of the command line.
type candidates func(ctx context.Context, c *client.Client) ([]string, error)

func appNames(ctx context.Context, c *client.Client) ([]string, error) {
	apps, err := c.Applications(ctx, 0)
	names := make([]string, len(apps.Value))
	for i, a := range apps.Value {
		names[i] = a.Name
	}
	return names, err
}

func serviceNames(ctx context.Context, c *client.Client) ([]string, error) {
	services, err := c.Services(ctx)
	names := make([]string, len(services.Value))
	for i, s := range services.Value {
		names[i] = s.Name
	}
	return names, err
}

func moduleDigests(ctx context.Context, c *client.Client) ([]string, error) {
	modules, err := c.Modules(ctx, 0)
	digests := make([]string, len(modules.Value))
	for i, m := range modules.Value {
		digests[i] = m.Digest + "\t" + m.Name + " " + m.Version
	}
	return digests, err
}

func secretNames(ctx context.Context, c *client.Client) ([]string, error) {
	secrets, err := c.Secrets(ctx, 0)
	names := make([]string, len(secrets.Value))
	for i, s := range secrets.Value {
		names[i] = s.Name
	}
	return names, err
}

func nodeIDs(ctx context.Context, c *client.Client) ([]string, error) {
	nodes, err := c.Nodes(ctx)
	ids := make([]string, len(nodes.Value))
	for i, n := range nodes.Value {
		ids[i] = n.ID
	}
	return ids, err
}

// fixed offers words that need no server.
func fixed(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// complete asks the server. Without one, or without a login, there is nothing
// to offer: an error would stand in the middle of what is being typed.
func (r *remote) complete(find candidates) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		c, err := r.connect()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer c.Close()
		words, err := find(ctx, c)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFirst completes the first argument only.
func (r *remote) completeFirst(find candidates) cobra.CompletionFunc {
	complete := r.complete(find)
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, begun)
	}
}

// completeFlag completes the value of a flag that is defined in cmd.
func completeFlag(cmd *cobra.Command, name string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
		panic(err) // only for a flag that does not exist
	}
}
