package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
	"github.com/credence-engine/credence/cmd/credence/output"
)

func newNodeCommand(r *remote) *cobra.Command {
	return group("node", "Nodes: which servers live, and what they run", newNodeListCommand(r), newNodeGetCommand(r))
}

func newNodeListCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the live nodes",
		Args:  takes(),
		RunE: r.do(func(ctx context.Context, c *client.Client, _ []string) error {
			nodes, err := c.Nodes(ctx)
			if err != nil {
				return err
			}
			rows := output.Rows{Header: []string{"ID", "ADDRESS", "VERSION", "STARTED", "READY", "NOT READY"}}
			for _, n := range nodes.Value {
				ready, others := 0, []string{}
				for _, s := range n.Services {
					if s.State == "READY" {
						ready++
					} else {
						others = append(others, s.Name)
					}
				}
				rows.Add(n.ID, n.Address, n.Version, timeText(n.Started), fmt.Sprint(ready), strings.Join(others, ", "))
			}
			return r.print(nodes.JSON, rows)
		}),
	}
}

func newNodeGetCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "get ID",
		Short: "Show a live node and how far it is with each service",
		Args:  takes("ID"),
		RunE: r.do(func(ctx context.Context, c *client.Client, args []string) error {
			node, err := c.Node(ctx, args[0])
			if err != nil {
				return err
			}
			n := node.Value
			var rows output.Rows
			rows.Add("id", n.ID)
			rows.Add("address", n.Address)
			rows.Add("version", n.Version)
			rows.Add("started", timeText(n.Started))
			for _, s := range n.Services {
				rows.Add("service "+s.Name, nodeServiceText(fmt.Sprintf("revision %d ", s.Revision), s))
			}
			for _, s := range n.Candidates {
				rows.Add("candidate "+s.Name, nodeServiceText("", s))
			}
			for _, p := range n.Problems {
				rows.Add("problem", p)
			}
			return r.print(node.JSON, rows)
		}),
		ValidArgsFunction: r.completeFirst(nodeIDs),
	}
}

func nodeServiceText(revision string, s client.NodeService) string {
	text := revision + shortDigest(s.Module) + " " + s.State
	if s.Detail != "" {
		text += ": " + s.Detail
	}
	return text
}

// reportRows adds how far each node was with a deployment.
func reportRows(rows *output.Rows, nodes []client.NodeReport) {
	for _, n := range nodes {
		text := n.State
		if n.Detail != "" {
			text += ": " + n.Detail
		}
		rows.Add("node "+n.ID, text)
	}
}
