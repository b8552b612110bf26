package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
	"github.com/credence-engine/credence/cmd/credence/output"
)

func newServiceCommand(r *remote) *cobra.Command {
	return group("service", "Credentials services: who decides about credentials",
		newServiceListCommand(r), newServiceGetCommand(r), newServiceDeployCommand(r),
		newServiceRevisionsCommand(r), newServiceRollbackCommand(r), newServiceDeleteCommand(r))
}

func newServiceListCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the credentials services",
		Args:  takes(),
		RunE: r.do(func(ctx context.Context, c *client.Client, _ []string) error {
			services, err := c.Services(ctx)
			if err != nil {
				return err
			}
			rows := output.Rows{Header: []string{"NAME", "KIND", "REVISION", "MODULE", "DESCRIPTION"}}
			for _, s := range services.Value {
				rows.Add(s.Name, s.Kind, numberText(s.Revision), shortDigest(s.Module), s.Description)
			}
			return r.print(services.JSON, rows)
		}),
	}
}

// aboutService makes a command about one service: `use NAME`.
func aboutService(r *remote, use, short string, act func(ctx context.Context, c *client.Client, name string) error) *cobra.Command {
	return &cobra.Command{
		Use:   use + " NAME",
		Short: short,
		Args:  takes("NAME"),
		RunE: r.do(func(ctx context.Context, c *client.Client, args []string) error {
			return act(ctx, c, args[0])
		}),
		ValidArgsFunction: r.completeFirst(serviceNames),
	}
}

func newServiceGetCommand(r *remote) *cobra.Command {
	return aboutService(r, "get", "Show a credentials service",
		func(ctx context.Context, c *client.Client, name string) error {
			service, err := c.Service(ctx, name)
			if err != nil {
				return err
			}
			return r.print(service.JSON, serviceRows(service.Value))
		})
}

func newServiceDeployCommand(r *remote) *cobra.Command {
	var (
		spec                   client.ServiceSpec
		config, grants, limits jsonFlag
		options                client.DeployOptions
	)
	cmd := aboutService(r, "deploy", "Make an uploaded module the credentials service of that name",
		func(ctx context.Context, c *client.Client, name string) error {
			spec.Config, spec.Grants, spec.Limits = config.value, grants.value, limits.value
			service, err := c.Deploy(ctx, name, spec, options)
			if err != nil {
				return err
			}
			rows := serviceRows(service.Value)
			if options.ValidateOnly {
				rows.Add("note", "this would be deployed; nothing was changed")
			}
			noteMissing(&rows, service.Status)
			return r.print(service.JSON, rows)
		})
	cmd.Flags().StringVar(&spec.Module, "module", "", "`digest` of the module, as module upload prints it")
	config.bind(cmd, "config", "the service's configuration")
	grants.bind(cmd, "grants", "the capabilities that it may use (the server's default: kv, clock, random, crypto)")
	limits.bind(cmd, "limits", "lower limits than the server's")
	cmd.Flags().StringVar(&spec.Description, "description", "", "a `text` for those who choose a service")
	cmd.Flags().BoolVar(&options.ValidateOnly, "validate-only", false, "check everything, change nothing")
	cmd.Flags().BoolVar(&options.Force, "force", false, forceHelp)
	requireFlag(cmd, "module")
	first(cmd, func() error { return errors.Join(config.read(r.w), grants.read(r.w), limits.read(r.w)) })
	completeFlag(cmd, "module", r.complete(moduleDigests))
	return cmd
}

func newServiceRevisionsCommand(r *remote) *cobra.Command {
	return aboutService(r, "revisions", "List the revisions that rollback can return to",
		func(ctx context.Context, c *client.Client, name string) error {
			revisions, err := c.ServiceRevisions(ctx, name)
			if err != nil {
				return err
			}
			rows := output.Rows{Header: []string{"REVISION", "MODULE", "DEPLOYED", "BY", "QUARANTINED", "DESCRIPTION"}}
			for _, s := range revisions.Value {
				rows.Add(strconv.Itoa(s.Revision), shortDigest(s.Module), timeText(s.DeployedAt), s.DeployedBy, timeText(s.QuarantinedAt), s.Description)
			}
			return r.print(revisions.JSON, rows)
		})
}

func newServiceRollbackCommand(r *remote) *cobra.Command {
	var (
		revision int
		force    bool
	)
	cmd := aboutService(r, "rollback", "Deploy an earlier revision again",
		func(ctx context.Context, c *client.Client, name string) error {
			service, err := c.Rollback(ctx, name, revision, force)
			if err != nil {
				return err
			}
			rows := serviceRows(service.Value)
			noteMissing(&rows, service.Status)
			return r.print(service.JSON, rows)
		})
	cmd.Flags().BoolVar(&force, "force", false, forceHelp)
	cmd.Flags().IntVar(&revision, "revision", 0, "`number` of the revision; 0 is the one before the present")
	return cmd
}

const forceHelp = "deploy although some node cannot run the module; that node then refuses"

// noteMissing tells people of a deployment that some node was not ready for.
func noteMissing(rows *output.Rows, status int) {
	if status == http.StatusAccepted {
		rows.Add("note", "not every node is ready yet: until it is, it refuses what needs the service")
	}
}

func newServiceDeleteCommand(r *remote) *cobra.Command {
	return aboutService(r, "delete", "Delete a credentials service that no application uses",
		func(ctx context.Context, c *client.Client, name string) error {
			if err := c.DeleteService(ctx, name); err != nil {
				return err
			}
			r.tellf("deleted credentials service %s", name)
			return nil
		})
}

func serviceRows(s client.Service) output.Rows {
	var rows output.Rows
	rows.Add("name", s.Name)
	rows.Add("kind", s.Kind)
	rows.Add("module", s.Module)
	rows.Add("revision", numberText(s.Revision))
	rows.Add("config", jsonText(s.Config))
	rows.Add("grants", jsonText(s.Grants))
	rows.Add("limits", jsonText(s.Limits))
	rows.Add("description", s.Description)
	rows.Add("deployed", timeText(s.DeployedAt))
	rows.Add("deployed by", s.DeployedBy)
	if h := s.Health; h != nil {
		rows.Add("health", fmt.Sprintf("%s since %s, %d faults", h.State, timeText(h.Since), h.Faults))
	}
	rows.Add("resource version", numberText(s.ResourceVersion))
	reportRows(&rows, s.Nodes)
	return rows
}

// shortDigest is enough of a digest to tell modules apart in a list.
func shortDigest(digest string) string {
	const enough = len("sha256:") + 12
	return digest[:min(len(digest), enough)]
}
