package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/client"
	"github.com/credence-engine/credence/cmd/credence/output"
)

// errRejected ends a verification that was answered with a refusal: the answer
// is printed, and the exit code says it to scripts.
var errRejected = errors.New("the endpoint was rejected")

func newVerifyCommand(r *remote) *cobra.Command {
	var (
		request client.VerifyRequest
		keyFile string
		proof   proofFlags
		session time.Duration
	)
	cmd := aboutCredentials(r, "verify", "Ask whether an endpoint may connect: exit code 0 accepted, 1 rejected",
		func(ctx context.Context, c *client.Client, app, id string) error {
			request.CredentialsID = id
			verdict, err := c.Verify(ctx, app, request)
			if err != nil {
				return err
			}
			if err := r.print(verdict.JSON, verdictRows(verdict.Value)); err != nil {
				return err
			}
			if !verdict.Value.Accepted() {
				return errRejected
			}
			return nil
		})
	cmd.Long = "Ask whether an endpoint may connect. The first endpoint that is accepted claims the credentials, for good."
	cmd.Flags().StringVar(&request.EndpointID, "endpoint", "", "`id` of the endpoint that connects; without it, the credentials id")
	cmd.Flags().StringVar(&keyFile, "public-key-file", "", "`file` with the key that the endpoint showed, PEM or DER; it must be the one of the credentials")
	cmd.Flags().StringVar(&request.Consistency, "consistency", "", "how old the answer may be: `strict`, bounded=MS or at-least=VERSION")
	cmd.Flags().DurationVar(&session, "session", 0, "open a session of this `length`, with its unit, if the endpoint is accepted")
	proof.bind(cmd)
	first(cmd, func() (err error) {
		if cmd.Flags().Changed("session") {
			if session < time.Second || session%time.Second != 0 {
				return usagef("--session %s: a session lasts a number of whole seconds, such as 1h", session)
			}
			request.Session = &client.SessionRequest{TTLSeconds: int64(session / time.Second)}
		}
		if request.Proof, err = proof.read(r.w); err != nil {
			return err
		}
		if keyFile != "" {
			request.PublicKey, err = readPublicKey(r.w, keyFile)
		}
		return err
	})
	completeFlag(cmd, "consistency", fixed("strict", "bounded=", "at-least="))
	return cmd
}

func verdictRows(v client.Verdict) output.Rows {
	var rows output.Rows
	rows.Add("decision", v.Decision)
	rows.Add("reason", v.Reason)
	rows.Add("detail", v.Detail)
	if v.Credentials != nil {
		rows.Add("credentials", v.Credentials.ID)
		rows.Add("status", v.Credentials.Status)
	}
	if v.Registration != nil {
		rows.Add("endpoint", v.Registration.EndpointID)
		rows.Add("profile version", numberText(v.Registration.ProfileVersion))
		rows.Add("profile", jsonText(v.Registration.Profile))
	}
	if v.Session != nil {
		rows.Add("session", v.Session.ID)
		rows.Add("session expires", timeText(v.Session.ExpiresAt))
		rows.Add("token", v.Session.Token)
	}
	rows.Add("consistency", v.Consistency)
	rows.Add("resource version", numberText(v.ResourceVersion))
	return rows
}
