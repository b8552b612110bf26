package main

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
)

// bodyFlags say what the credentials are; exactly one must be given.
type bodyFlags struct{ keyFile, bodyFile, body string }

func (f *bodyFlags) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.keyFile, "key-file", "", "`file` with the endpoint's public key or certificate, PEM or DER; the key is registered")
	cmd.Flags().StringVar(&f.bodyFile, "body-file", "", "`file` that is registered as it is; - is the standard input")
	cmd.Flags().StringVar(&f.body, "body", "", "bytes to register, in `base64`")
	cmd.MarkFlagsOneRequired("key-file", "body-file", "body")
	cmd.MarkFlagsMutuallyExclusive("key-file", "body-file", "body")
}

func (f *bodyFlags) read(w *world) ([]byte, error) {
	switch {
	case f.keyFile != "":
		return readPublicKey(w, f.keyFile)
	case f.bodyFile != "":
		return readInput(w, f.bodyFile)
	default:
		body, err := base64.StdEncoding.DecodeString(f.body)
		if err != nil {
			return nil, usagef("--body is no base64: %s; give a file to --body-file instead", err)
		}
		return body, nil
	}
}

func readPublicKey(w *world, path string) ([]byte, error) {
	content, err := readInput(w, path)
	if err != nil {
		return nil, err
	}
	key, err := publicKey(content)
	if err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return key, nil
}

func newCredentialsProvisionCommand(r *remote) *cobra.Command {
	var (
		app     string
		body    bodyFlags
		labels  []string
		request client.ProvisionRequest
	)
	cmd := &cobra.Command{
		Use:   "provision --app APP (--key-file F | --body-file F | --body BASE64)",
		Short: "Register credentials, so that their endpoint may connect",
		Args:  takes(),
		RunE: r.do(func(ctx context.Context, c *client.Client, _ []string) error {
			id, err := c.ApplicationID(ctx, app)
			if err != nil {
				return err
			}
			entry, err := c.Provision(ctx, id, request)
			if err != nil {
				return err
			}
			rows := credentialsRows(entry.Value)
			if !entry.Created() {
				rows.Add("note", "these credentials were there already")
			}
			return r.print(entry.JSON, rows)
		}),
	}
	bindApp(cmd, r, &app)
	body.bind(cmd)
	cmd.Flags().StringVar(&request.ID, "id", "", "`id` of the credentials; without it, the application's scheme gives the hash of the body")
	cmd.Flags().StringArrayVar(&labels, "label", nil, "label to put on them, `key=value`; repeatable")
	first(cmd, func() (err error) {
		if request.Labels, err = parseLabels(labels); err != nil {
			return err
		}
		request.Body, err = body.read(r.w)
		return err
	})
	return cmd
}
