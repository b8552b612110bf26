package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
	"github.com/credence-engine/credence/cmd/credence/output"
)

func newGenerationCommand(r *remote) *cobra.Command {
	return group("generation", "Generations: how often the state was restored, and what may be lost",
		newGenerationGetCommand(r), newGenerationAcknowledgeCommand(r))
}

func newGenerationGetCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "get",
		Short: "Show the generation of the state, and its newest backup",
		Args:  takes(),
		RunE: r.do(func(ctx context.Context, c *client.Client, _ []string) error {
			g, err := c.Generation(ctx)
			if err != nil {
				return err
			}
			return r.print(g.JSON, generationRows(g.Value))
		}),
	}
}

func newGenerationAcknowledgeCommand(r *remote) *cobra.Command {
	number := 0
	cmd := &cobra.Command{
		Use:   "acknowledge NUMBER",
		Short: "Say that what a restore may have lost was dealt with",
		Long: "Say that what a restore may have lost was dealt with, so that nodes no longer warn of it.\n\n" +
			"Before, make the revocations again that were made after the backup: they are in the systems that asked for them, not here. " +
			"'credence generation get' shows between which times.",
		Args: takes("NUMBER"),
		RunE: r.do(func(ctx context.Context, c *client.Client, _ []string) error {
			g, err := c.AcknowledgeGeneration(ctx, number)
			if err != nil {
				return err
			}
			return r.print(g.JSON, generationRows(g.Value))
		}),
	}
	cmd.PreRunE = func(_ *cobra.Command, args []string) (err error) {
		if number, err = strconv.Atoi(args[0]); err != nil {
			return usagef("%q is no number of a generation: see credence generation get", args[0])
		}
		return nil
	}
	return cmd
}

func generationRows(g client.Generation) output.Rows {
	var rows output.Rows
	rows.Add("number", fmt.Sprint(g.Number))
	if g.MayBeLost != nil {
		rows.Add("restored", timeText(g.RestoredAt))
		from := "an unknown time"
		if !g.MayBeLost.From.IsZero() {
			from = timeText(g.MayBeLost.From)
		}
		rows.Add("may be lost", "what was changed between "+from+" and "+timeText(g.MayBeLost.To))
	}
	for _, span := range g.Lost {
		rows.Add("lost", fmt.Sprintf("revisions above %d up to %d", span.Above, span.UpTo))
	}
	switch {
	case g.AcknowledgedBy != "":
		rows.Add("acknowledged", timeText(g.AcknowledgedAt)+" by "+g.AcknowledgedBy)
	case !g.Acknowledged:
		rows.Add("acknowledged", "no")
	}
	if g.LastBackup != nil {
		rows.Add("last backup", fmt.Sprintf("%s at revision %d, by credence %s", timeText(g.LastBackup.At), g.LastBackup.Revision, g.LastBackup.Release))
	}
	return rows
}
