package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
	"github.com/credence-engine/credence/cmd/credence/output"
)

func newCredentialsCommand(r *remote) *cobra.Command {
	return group("credentials", "Credentials: what endpoints connect with",
		newCredentialsProvisionCommand(r), newCredentialsImportCommand(r), newCredentialsListCommand(r), newCredentialsGetCommand(r),
		newCredentialsLabelCommand(r), newCredentialsRevokeCommand(r), newCredentialsEnforcementCommand(r),
		newCredentialsRecheckCommand(r))
}

func newCredentialsListCommand(r *remote) *cobra.Command {
	var (
		app    string
		filter client.CredentialsFilter
		limit  uint
	)
	cmd := &cobra.Command{
		Use:   "list --app APP",
		Short: "List the credentials of an application",
		Args:  takes(),
		RunE: r.do(func(ctx context.Context, c *client.Client, _ []string) error {
			id, err := c.ApplicationID(ctx, app)
			if err != nil {
				return err
			}
			entries, err := c.ListCredentials(ctx, id, filter, limit)
			if err != nil {
				return err
			}
			rows := output.Rows{Header: []string{"ID", "STATUS", "ENDPOINT", "LABELS", "UPDATED"}}
			for _, e := range entries.Value {
				rows.Add(e.ID, e.Status, e.EndpointID, labelsText(e.Labels), timeText(e.UpdatedAt))
			}
			return r.print(entries.JSON, rows)
		}),
	}
	bindApp(cmd, r, &app)
	cmd.Flags().StringVar(&filter.Status, "status", "", "only those with this `status`: AVAILABLE, IN_USE, REVOKED")
	cmd.Flags().StringArrayVar(&filter.Labels, "label", nil, "only those with this label, `key=value`; repeatable")
	bindLimit(cmd, &limit)
	first(cmd, func() error {
		_, err := parseLabels(filter.Labels)
		return err
	})
	completeFlag(cmd, "status", fixed("AVAILABLE", "IN_USE", "REVOKED"))
	return cmd
}

// aboutCredentials makes a command about one entry: `use --app APP ID`.
func aboutCredentials(r *remote, use, short string, act func(ctx context.Context, c *client.Client, app, id string) error) *cobra.Command {
	var app string
	cmd := &cobra.Command{
		Use:   use + " --app APP ID",
		Short: short,
		Args:  takes("ID"),
		RunE: r.do(func(ctx context.Context, c *client.Client, args []string) error {
			id, err := c.ApplicationID(ctx, app)
			if err != nil {
				return err
			}
			return act(ctx, c, id, args[0])
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	bindApp(cmd, r, &app)
	return cmd
}

func newCredentialsGetCommand(r *remote) *cobra.Command {
	return aboutCredentials(r, "get", "Show credentials with the status that holds now",
		func(ctx context.Context, c *client.Client, app, id string) error {
			entry, err := c.Credentials(ctx, app, id)
			if err != nil {
				return err
			}
			return r.print(entry.JSON, credentialsRows(entry.Value))
		})
}

func newCredentialsRevokeCommand(r *remote) *cobra.Command {
	var wait string
	cmd := aboutCredentials(r, "revoke", "Refuse credentials from now on, for good",
		func(ctx context.Context, c *client.Client, app, id string) error {
			revoked, err := c.Revoke(ctx, app, id, wait)
			if err != nil {
				return err
			}
			return r.print(revoked.JSON, revocationRows(revoked.Value))
		})
	bindWait(cmd, &wait)
	return cmd
}

func newCredentialsEnforcementCommand(r *remote) *cobra.Command {
	var wait string
	cmd := aboutCredentials(r, "enforcement", "Show how far a revocation has come, node by node",
		func(ctx context.Context, c *client.Client, app, id string) error {
			receipt, err := c.Enforcement(ctx, app, id, wait)
			if err != nil {
				return err
			}
			var rows output.Rows
			addEnforcement(&rows, receipt.Value)
			return r.print(receipt.JSON, rows)
		})
	bindWait(cmd, &wait)
	return cmd
}

func bindWait(cmd *cobra.Command, wait *string) {
	cmd.Flags().StringVar(wait, "wait", "", "`enforced`: answer when no node accepts them any more, or the server's time for a request is over")
	completeFlag(cmd, "wait", fixed("enforced"))
}

func newCredentialsRecheckCommand(r *remote) *cobra.Command {
	return aboutCredentials(r, "recheck", "Ask the credentials service again, and revoke if it says so",
		func(ctx context.Context, c *client.Client, app, id string) error {
			checked, err := c.Recheck(ctx, app, id)
			if err != nil {
				return err
			}
			return r.print(checked.JSON, revocationRows(checked.Value))
		})
}

func credentialsRows(e client.Credentials) output.Rows {
	var rows output.Rows
	rows.Add("id", e.ID)
	rows.Add("status", e.Status)
	rows.Add("credentials service", e.CredentialsService)
	rows.Add("endpoint", e.EndpointID)
	rows.Add("body", sizeText(len(e.Body)))
	rows.Add("labels", labelsText(e.Labels))
	rows.Add("not before", timeText(e.Validity.NotBefore))
	rows.Add("not after", timeText(e.Validity.NotAfter))
	rows.Add("created", timeText(e.CreatedAt))
	rows.Add("updated", timeText(e.UpdatedAt))
	rows.Add("resource version", numberText(e.ResourceVersion))
	return rows
}

func revocationRows(v client.Revocation) output.Rows {
	rows := credentialsRows(v.Credentials)
	addEnforcement(&rows, v.Enforcement)
	return rows
}

func addEnforcement(rows *output.Rows, e client.Enforcement) {
	rows.Add("enforcement", e.State)
	rows.Add("enforced from", numberText(e.Revision))
	for _, n := range e.Nodes {
		rows.Add("node "+n.ID, n.State)
	}
	rows.Add("notice to the module", e.Notice)
}
