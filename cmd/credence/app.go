package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
	"github.com/credence-engine/credence/cmd/credence/output"
)

func newAppCommand(r *remote) *cobra.Command {
	return group("app", "Applications: sets of endpoints that one credentials service judges",
		newAppCreateCommand(r), newAppListCommand(r), newAppGetCommand(r), newAppUpdateCommand(r), newAppDeleteCommand(r))
}

func newAppCreateCommand(r *remote) *cobra.Command {
	var (
		spec   client.ApplicationSpec
		config jsonFlag
	)
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create an application",
		Args:  takes("NAME"),
		RunE: r.do(func(ctx context.Context, c *client.Client, args []string) error {
			spec.Name, spec.ServiceConfig = args[0], config.value
			app, err := c.CreateApplication(ctx, spec)
			if err != nil {
				return err
			}
			return r.print(app.JSON, appRows(app.Value))
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&spec.CredentialsService, "service", "", "`name` of the credentials service (the server's default: Trustful)")
	config.bind(cmd, "service-config", "settings of the credentials service for this application, laid over its own")
	cmd.Flags().StringVar(&spec.IDScheme, "id-scheme", "", "how ids follow from credentials: `sha256|kaa-sha1` (the server's default: sha256)")
	completeFlag(cmd, "service", r.complete(serviceNames))
	first(cmd, func() error { return config.read(r.w) })
	completeFlag(cmd, "id-scheme", fixed("sha256", "kaa-sha1"))
	bindProofPolicy(cmd, &spec.ProofPolicy)
	return cmd
}

func newAppListCommand(r *remote) *cobra.Command {
	var limit uint
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List applications",
		Args:  takes(),
		RunE: r.do(func(ctx context.Context, c *client.Client, _ []string) error {
			apps, err := c.Applications(ctx, limit)
			if err != nil {
				return err
			}
			rows := output.Rows{Header: []string{"NAME", "ID", "SERVICE", "ID SCHEME", "CREATED"}}
			for _, a := range apps.Value {
				rows.Add(a.Name, a.ID, a.CredentialsService, a.IDScheme, timeText(a.CreatedAt))
			}
			return r.print(apps.JSON, rows)
		}),
	}
	bindLimit(cmd, &limit)
	return cmd
}

func newAppGetCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "get APP",
		Short: "Show an application, by its id or name",
		Args:  takes("APP"),
		RunE: r.do(func(ctx context.Context, c *client.Client, args []string) error {
			id, err := c.ApplicationID(ctx, args[0])
			if err != nil {
				return err
			}
			app, err := c.Application(ctx, id)
			if err != nil {
				return err
			}
			return r.print(app.JSON, appRows(app.Value))
		}),
		ValidArgsFunction: r.completeFirst(appNames),
	}
}

func newAppUpdateCommand(r *remote) *cobra.Command {
	var (
		name, service, policy string
		config                jsonFlag
	)
	cmd := &cobra.Command{
		Use:               "update APP",
		Short:             "Change what the flags name, keep the rest",
		Args:              takes("APP"),
		ValidArgsFunction: r.completeFirst(appNames),
	}
	cmd.Flags().StringVar(&name, "name", "", "new `name`")
	cmd.Flags().StringVar(&service, "service", "", "`name` of the credentials service")
	config.bind(cmd, "service-config", "settings of the credentials service for this application; null removes them")
	bindProofPolicy(cmd, &policy)
	cmd.MarkFlagsOneRequired("name", "service", "service-config", "proof-policy")
	first(cmd, func() error { return config.read(r.w) })
	completeFlag(cmd, "service", r.complete(serviceNames))
	cmd.RunE = r.do(func(ctx context.Context, c *client.Client, args []string) error {
		patch := client.ApplicationPatch{ServiceConfig: config.value}
		if cmd.Flags().Changed("name") {
			patch.Name = &name
		}
		if cmd.Flags().Changed("service") {
			patch.CredentialsService = &service
		}
		if cmd.Flags().Changed("proof-policy") {
			patch.ProofPolicy = &policy
		}
		id, err := c.ApplicationID(ctx, args[0])
		if err != nil {
			return err
		}
		app, err := c.UpdateApplication(ctx, id, patch)
		if err != nil {
			return err
		}
		return r.print(app.JSON, appRows(app.Value))
	})
	return cmd
}

// bindProofPolicy defines the flag --proof-policy.
func bindProofPolicy(cmd *cobra.Command, policy *string) {
	cmd.Flags().StringVar(policy, "proof-policy", "", "who checks possession of credentials: `gateway|required` (the server's default: gateway)")
	completeFlag(cmd, "proof-policy", fixed("gateway", "required"))
}

func newAppDeleteCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "delete APP",
		Short: "Delete an application with its credentials and registrations",
		Args:  takes("APP"),
		RunE: r.do(func(ctx context.Context, c *client.Client, args []string) error {
			id, err := c.ApplicationID(ctx, args[0])
			if err != nil {
				return err
			}
			if err := c.DeleteApplication(ctx, id); err != nil {
				return err
			}
			r.tellf("deleted application %s with its credentials and registrations", args[0])
			return nil
		}),
		ValidArgsFunction: r.completeFirst(appNames),
	}
}

func appRows(a client.Application) output.Rows {
	var rows output.Rows
	rows.Add("name", a.Name)
	rows.Add("id", a.ID)
	rows.Add("token", a.Token)
	rows.Add("tenant", a.Tenant)
	rows.Add("credentials service", a.CredentialsService)
	rows.Add("service config", jsonText(a.ServiceConfig))
	rows.Add("id scheme", a.IDScheme)
	rows.Add("proof policy", a.ProofPolicy)
	rows.Add("created", timeText(a.CreatedAt))
	rows.Add("updated", timeText(a.UpdatedAt))
	rows.Add("resource version", numberText(a.ResourceVersion))
	return rows
}
