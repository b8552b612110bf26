package main

import (
	"bytes"
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
	"github.com/credence-engine/credence/cmd/credence/output"
)

// errInactive ends an introspection whose answer is that the session is not
// active: it is printed, and the exit code says it to scripts.
var errInactive = errors.New("the session is not active")

func newSessionCommand(r *remote) *cobra.Command {
	return group("session", "Sessions: what accepted endpoints hold",
		newSessionListCommand(r), newSessionGetCommand(r), newSessionEndCommand(r), newSessionIntrospectCommand(r))
}

func newSessionListCommand(r *remote) *cobra.Command {
	var (
		app    string
		filter client.SessionFilter
		limit  uint
	)
	cmd := &cobra.Command{
		Use:   "list --app APP",
		Short: "List the open sessions of an application",
		Args:  takes(),
		RunE: r.do(func(ctx context.Context, c *client.Client, _ []string) error {
			id, err := c.ApplicationID(ctx, app)
			if err != nil {
				return err
			}
			sessions, err := c.Sessions(ctx, id, filter, limit)
			if err != nil {
				return err
			}
			rows := output.Rows{Header: []string{"ID", "CREDENTIALS", "ENDPOINT", "EXPIRES", "BY"}}
			for _, s := range sessions.Value {
				rows.Add(s.ID, s.CredentialsID, s.EndpointID, timeText(s.ExpiresAt), s.OpenedBy)
			}
			return r.print(sessions.JSON, rows)
		}),
	}
	bindApp(cmd, r, &app)
	cmd.Flags().StringVar(&filter.CredentialsID, "credentials", "", "only those of the credentials with this `id`")
	cmd.Flags().StringVar(&filter.EndpointID, "endpoint", "", "only those of the endpoint with this `id`")
	bindLimit(cmd, &limit)
	return cmd
}

func newSessionGetCommand(r *remote) *cobra.Command {
	return aboutCredentials(r, "get", "Show an open session",
		func(ctx context.Context, c *client.Client, app, id string) error {
			session, err := c.Session(ctx, app, id)
			if err != nil {
				return err
			}
			return r.print(session.JSON, sessionRows(session.Value))
		})
}

func newSessionEndCommand(r *remote) *cobra.Command {
	return ending(r, "end", "End one session", "ID", func(ctx context.Context, c *client.Client, app, id, wait string) (client.Answer[client.Ended], error) {
		return c.EndSession(ctx, app, id, wait)
	})
}

func newSessionIntrospectCommand(r *remote) *cobra.Command {
	var (
		app, consistency, from string
		token                  []byte
	)
	cmd := &cobra.Command{
		Use:   "introspect --app APP",
		Short: "Ask whether a token stands for an active session: exit code 0 active, 1 not active",
		Long: "Ask whether a token stands for an active session. The token is read from the standard input, or from a file: " +
			"every user of a machine can read the command lines on it.",
		Args: takes(),
		RunE: r.do(func(ctx context.Context, c *client.Client, _ []string) error {
			id, err := c.ApplicationID(ctx, app)
			if err != nil {
				return err
			}
			judged, err := c.Introspect(ctx, id, string(bytes.TrimSpace(token)), consistency)
			if err != nil {
				return err
			}
			if err := r.print(judged.JSON, introspectionRows(judged.Value)); err != nil {
				return err
			}
			if !judged.Value.Active {
				return errInactive
			}
			return nil
		}),
	}
	bindApp(cmd, r, &app)
	cmd.Flags().StringVar(&from, "token-file", "-", "`file` with the token; - is the standard input")
	cmd.Flags().StringVar(&consistency, "consistency", "", "how old the answer may be: `strict`, bounded=MS or at-least=VERSION")
	completeFlag(cmd, "consistency", fixed("strict", "bounded=", "at-least="))
	first(cmd, func() (err error) {
		token, err = readInput(r.w, from)
		return err
	})
	return cmd
}

func newEndpointCommand(r *remote) *cobra.Command {
	return group("endpoint", "Endpoints: what connects with credentials",
		ending(r, "end-sessions", "End all sessions that an endpoint has; it may open others unless its credentials are revoked", "ENDPOINT",
			func(ctx context.Context, c *client.Client, app, endpoint, wait string) (client.Answer[client.Ended], error) {
				return c.EndSessions(ctx, app, endpoint, wait)
			}))
}

// ending makes a command that ends sessions: `use --app APP WHAT`.
func ending(r *remote, use, short, what string, end func(ctx context.Context, c *client.Client, app, id, wait string) (client.Answer[client.Ended], error)) *cobra.Command {
	var app, wait string
	cmd := &cobra.Command{
		Use:   use + " --app APP " + what,
		Short: short,
		Args:  takes(what),
		RunE: r.do(func(ctx context.Context, c *client.Client, args []string) error {
			id, err := c.ApplicationID(ctx, app)
			if err != nil {
				return err
			}
			ended, err := end(ctx, c, id, args[0], wait)
			if err != nil {
				return err
			}
			var rows output.Rows
			addEnforcement(&rows, ended.Value.Enforcement)
			return r.print(ended.JSON, rows)
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	bindApp(cmd, r, &app)
	cmd.Flags().StringVar(&wait, "wait", "", "`enforced`: answer when no node holds them any more")
	completeFlag(cmd, "wait", fixed("enforced"))
	return cmd
}

func sessionRows(s client.Session) output.Rows {
	var rows output.Rows
	addSession(&rows, s)
	return rows
}

func addSession(rows *output.Rows, s client.Session) {
	rows.Add("session", s.ID)
	rows.Add("credentials", s.CredentialsID)
	rows.Add("endpoint", s.EndpointID)
	rows.Add("opened", timeText(s.CreatedAt))
	rows.Add("opened by", s.OpenedBy)
	rows.Add("node", s.Node)
	rows.Add("expires", timeText(s.ExpiresAt))
}

func introspectionRows(v client.Introspection) output.Rows {
	var rows output.Rows
	state := "not active"
	if v.Active {
		state = "active"
	}
	rows.Add("state", state)
	rows.Add("reason", v.Reason)
	rows.Add("detail", v.Detail)
	if v.Session != nil {
		addSession(&rows, *v.Session)
	}
	rows.Add("consistency", v.Consistency)
	rows.Add("resource version", numberText(v.ResourceVersion))
	return rows
}
