package main

import (
	"bytes"
	"context"
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
	"github.com/credence-engine/credence/cmd/credence/output"
)

func newSecretCommand(r *remote) *cobra.Command {
	return group("secret", "Secrets: values that modules use without ever reading them",
		newSecretSetCommand(r), newSecretListCommand(r), newSecretDeleteCommand(r))
}

// newSecretSetCommand takes the value from a file or the standard input only:
// every user of a machine can read the command lines on it.
func newSecretSetCommand(r *remote) *cobra.Command {
	from := ""
	var value []byte
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Store a secret: the value is the standard input, or a file",
		Long: "Store a secret, in the place of one of that name. The value is read from the standard input, or from a file, as it is, byte for byte; " +
			"it can be replaced and deleted, and never be read again.\n\n  printf %s \"$TOKEN\" | credence secret set erp-token",
		Args: takes("NAME"),
		RunE: r.do(func(ctx context.Context, c *client.Client, args []string) error {
			secret, err := c.SetSecret(ctx, args[0], value)
			if err != nil {
				return err
			}
			if endsInLineBreak(value) {
				fmt.Fprintf(r.w.stderr, "credence: the value ends in a line break, which is part of it: printf %%s leaves it out\n")
			}
			return r.print(secret.JSON, secretRows(secret.Value))
		}),
		ValidArgsFunction: r.completeFirst(secretNames),
	}
	cmd.Flags().StringVar(&from, "from-file", "-", "`file` with the value; - is the standard input")
	first(cmd, func() (err error) {
		value, err = readInput(r.w, from)
		return err
	})
	return cmd
}

// endsInLineBreak tells of one line of text that ends as an editor or echo ends
// it. Keys in PEM form have several lines and bear it.
func endsInLineBreak(value []byte) bool {
	line, found := bytes.CutSuffix(value, []byte("\n"))
	return found && utf8.Valid(line) && !bytes.ContainsFunc(bytes.TrimSuffix(line, []byte("\r")), unicode.IsControl)
}

func newSecretListCommand(r *remote) *cobra.Command {
	var limit uint
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the names of the secrets",
		Args:  takes(),
		RunE: r.do(func(ctx context.Context, c *client.Client, _ []string) error {
			secrets, err := c.Secrets(ctx, limit)
			if err != nil {
				return err
			}
			rows := output.Rows{Header: []string{"NAME", "VERSION", "UPDATED", "BY"}}
			for _, s := range secrets.Value {
				rows.Add(s.Name, numberText(s.ResourceVersion), timeText(s.UpdatedAt), s.UpdatedBy)
			}
			return r.print(secrets.JSON, rows)
		}),
	}
	bindLimit(cmd, &limit)
	return cmd
}

func newSecretDeleteCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a secret; modules find none of that name within a second",
		Args:  takes("NAME"),
		RunE: r.do(func(ctx context.Context, c *client.Client, args []string) error {
			if err := c.DeleteSecret(ctx, args[0]); err != nil {
				return err
			}
			r.tellf("deleted secret %s", args[0])
			return nil
		}),
		ValidArgsFunction: r.completeFirst(secretNames),
	}
}

func secretRows(s client.Secret) output.Rows {
	var rows output.Rows
	rows.Add("name", s.Name)
	rows.Add("created", timeText(s.CreatedAt))
	rows.Add("updated", timeText(s.UpdatedAt))
	rows.Add("updated by", s.UpdatedBy)
	rows.Add("resource version", numberText(s.ResourceVersion))
	return rows
}
