package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
	"github.com/credence-engine/credence/cmd/credence/output"
)

func newAuditCommand(r *remote) *cobra.Command {
	var (
		app    string
		filter client.AuditFilter
		ago    time.Duration
		limit  uint
	)
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show who did what, the oldest first",
		Args:  takes(),
		RunE: r.do(func(ctx context.Context, c *client.Client, _ []string) error {
			if ago <= 0 {
				return usagef("--since must be longer than nothing")
			}
			filter.Since = time.Now().Add(-ago)
			if app != "" {
				var err error
				if filter.Application, err = c.ApplicationID(ctx, app); err != nil {
					return err
				}
			}
			entries, err := c.Audit(ctx, filter, limit)
			if err != nil {
				return err
			}
			rows := output.Rows{Header: []string{"AT", "USER", "ACTION", "TARGET", "APPLICATION", "REVISION", "REQUEST"}}
			for _, a := range entries.Value {
				rows.Add(timeText(a.At), a.User, a.Action, a.Target, a.Application, numberText(a.ResourceVersion), a.RequestID)
			}
			return r.print(entries.JSON, rows)
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().DurationVar(&ago, "since", 24*time.Hour, "how far back, a `time` with its unit")
	cmd.Flags().StringVar(&app, "app", "", "only of this `application`, by its id or name")
	cmd.Flags().StringVar(&filter.Action, "action", "", "only this `action`, such as credentials.revoke")
	cmd.Flags().StringVar(&filter.User, "by", "", "only what this `user` did")
	completeFlag(cmd, "app", r.complete(appNames))
	bindLimit(cmd, &limit)
	return cmd
}
