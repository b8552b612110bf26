package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
	"github.com/credence-engine/credence/cmd/credence/output"
)

func newRegistrationCommand(r *remote) *cobra.Command {
	return group("registration", "Registrations: the endpoint and the profile that belong to credentials",
		newRegistrationBindCommand(r), newRegistrationGetCommand(r), newRegistrationDeleteCommand(r))
}

func newRegistrationBindCommand(r *remote) *cobra.Command {
	var (
		version int32
		body    jsonFlag
	)
	cmd := aboutCredentials(r, "bind", "Bind a profile to credentials, before or after their first connection",
		func(ctx context.Context, c *client.Client, app, id string) error {
			bound, err := c.BindRegistration(ctx, app, id, client.Profile{ProfileVersion: version, Profile: body.value})
			if err != nil {
				return err
			}
			return r.print(bound.JSON, registrationRows(bound.Value))
		})
	cmd.Flags().Int32Var(&version, "profile-version", 0, "`number` of the profile's schema")
	body.bind(cmd, "profile", "the endpoint's profile")
	for _, name := range []string{"profile-version", "profile"} {
		requireFlag(cmd, name)
	}
	first(cmd, func() error { return body.read(r.w) })
	return cmd
}

func newRegistrationGetCommand(r *remote) *cobra.Command {
	return aboutCredentials(r, "get", "Show the registration of credentials",
		func(ctx context.Context, c *client.Client, app, id string) error {
			registration, err := c.Registration(ctx, app, id)
			if err != nil {
				return err
			}
			return r.print(registration.JSON, registrationRows(registration.Value))
		})
}

func newRegistrationDeleteCommand(r *remote) *cobra.Command {
	return aboutCredentials(r, "delete", "Delete the registration of credentials; they keep their endpoint",
		func(ctx context.Context, c *client.Client, app, id string) error {
			if err := c.DeleteRegistration(ctx, app, id); err != nil {
				return err
			}
			r.tellf("deleted the registration of %s", id)
			return nil
		})
}

func registrationRows(g client.Registration) output.Rows {
	var rows output.Rows
	rows.Add("credentials", g.CredentialsID)
	rows.Add("endpoint", g.EndpointID)
	rows.Add("profile version", numberText(g.ProfileVersion))
	rows.Add("profile", jsonText(g.Profile))
	rows.Add("created", timeText(g.CreatedAt))
	rows.Add("updated", timeText(g.UpdatedAt))
	rows.Add("resource version", numberText(g.ResourceVersion))
	return rows
}
