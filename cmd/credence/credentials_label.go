package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
)

// noBound lifts a bound of the validity.
const noBound = "none"

// changeFlags say what to change of credentials.
type changeFlags struct {
	labels, removed     []string
	notBefore, notAfter string
}

func (f *changeFlags) bind(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.labels, "label", nil, "label to set, `key=value`; repeatable")
	cmd.Flags().StringArrayVar(&f.removed, "remove-label", nil, "`key` of a label to remove; repeatable")
	cmd.Flags().StringVar(&f.notBefore, "not-before", "", "`time` from which they are accepted, such as 2026-07-01T00:00:00Z; none lifts the bound")
	cmd.Flags().StringVar(&f.notAfter, "not-after", "", "`time` until which they are accepted; none lifts the bound")
	cmd.MarkFlagsOneRequired("label", "remove-label", "not-before", "not-after")
}

func (f *changeFlags) patch() (client.CredentialsPatch, error) {
	patch := client.CredentialsPatch{Labels: map[string]*string{}, Validity: map[string]*time.Time{}}
	labels, err := parseLabels(f.labels)
	if err != nil {
		return patch, err
	}
	for key, value := range labels {
		patch.Labels[key] = &value
	}
	for _, key := range f.removed {
		if _, set := labels[key]; set {
			return patch, usagef("the label %q is set and removed at once", key)
		}
		patch.Labels[key] = nil
	}
	for _, bound := range []struct{ flag, member, text string }{
		{"not-before", "notBefore", f.notBefore}, {"not-after", "notAfter", f.notAfter},
	} {
		switch bound.text {
		case "":
		case noBound:
			patch.Validity[bound.member] = nil
		default:
			at, err := time.Parse(time.RFC3339, bound.text)
			if err != nil {
				return patch, usagef("--%s %q is no time: write it like 2026-07-01T00:00:00Z, or %s", bound.flag, bound.text, noBound)
			}
			patch.Validity[bound.member] = &at
		}
	}
	return patch, nil
}

func newCredentialsLabelCommand(r *remote) *cobra.Command {
	var (
		change changeFlags
		patch  client.CredentialsPatch
	)
	cmd := aboutCredentials(r, "label", "Change labels and validity of credentials",
		func(ctx context.Context, c *client.Client, app, id string) error {
			entry, err := c.UpdateCredentials(ctx, app, id, patch)
			if err != nil {
				return err
			}
			return r.print(entry.JSON, credentialsRows(entry.Value))
		})
	change.bind(cmd)
	first(cmd, func() (err error) {
		patch, err = change.patch()
		return err
	})
	return cmd
}
