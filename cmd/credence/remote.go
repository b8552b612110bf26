package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/credence-engine/credence/cmd/credence/client"
	"github.com/credence-engine/credence/cmd/credence/output"
)

// defaultTimeout is longer than a server's own limit of a deploy (a minute), so
// that its explanation arrives.
const defaultTimeout = 90 * time.Second

// remote is the server that the commands speak to, and the form in which they
// write its answers, as the global flags say.
type remote struct {
	w            *world
	flags        *pflag.FlagSet
	server       string
	user         string
	passwordFile string
	caFile       string
	timeout      time.Duration
	format       output.Format
}

// newRemote defines the flags. They are read when a command runs.
func newRemote(w *world, into *pflag.FlagSet) *remote {
	r := &remote{w: w, flags: pflag.NewFlagSet("remote", pflag.ContinueOnError), format: output.Table}
	r.flags.StringVar(&r.server, "server", w.variable(serverVariable, "http://127.0.0.1:8080"), "`address` of the server ("+serverVariable+")")
	r.flags.StringVar(&r.user, "user", w.variable(userVariable, "admin"), "`name` to log in with ("+userVariable+"); the password comes from "+passwordVariable+" or --password-file")
	r.flags.StringVar(&r.passwordFile, "password-file", "", "`file` whose first line is the password")
	r.flags.StringVar(&r.caFile, "ca-file", "", "`file` with the authorities that sign the server's certificate, PEM")
	r.flags.DurationVar(&r.timeout, "timeout", defaultTimeout, "longest `time` of one request, with its unit")
	r.flags.VarP(&r.format, "output", "o", "form of the answer")
	into.AddFlagSet(r.flags)
	return r
}

// hideFlags leaves the flags out of a help text.
func (r *remote) hideFlags() {
	r.flags.VisitAll(func(f *pflag.Flag) { f.Hidden = true })
}

// givenFlag is the name of one of the flags that was given, or "".
func (r *remote) givenFlag() string {
	name := ""
	r.flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			name = f.Name
		}
	})
	return name
}

// action is what a command does with a server.
type action func(ctx context.Context, c *client.Client, args []string) error

// do makes an action the body of a command.
func (r *remote) do(act action) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := r.connect()
		if err != nil {
			return err
		}
		defer c.Close()
		return r.explain(act(cmd.Context(), c, args))
	}
}

// connect makes the client. Nothing is sent yet.
func (r *remote) connect() (*client.Client, error) {
	password, err := r.password()
	if err != nil {
		return nil, err
	}
	if r.timeout <= 0 {
		return nil, usagef("--timeout must be longer than nothing")
	}
	return client.New(client.Options{
		Server: r.server, User: r.user, Password: password, CAFile: r.caFile, Timeout: r.timeout,
	})
}

// password reads the file that was named, or else the environment. There is no
// flag with the password itself: every user of a machine can read the command
// lines on it.
func (r *remote) password() (string, error) {
	if r.passwordFile == "" {
		if password := r.w.variable(passwordVariable, ""); password != "" {
			return password, nil
		}
		return "", fmt.Errorf("no password to log in as %s: set %s, or name a file with --password-file "+
			"(the first start of a server writes one to admin-password in its data directory)", r.user, passwordVariable)
	}
	content, err := os.ReadFile(r.passwordFile)
	if err != nil {
		return "", fmt.Errorf("cannot read the password: %w", err)
	}
	first, _, _ := strings.Cut(string(content), "\n")
	first = strings.TrimSuffix(first, "\r")
	if first == "" {
		return "", fmt.Errorf("the first line of %s is empty: it should be the password", r.passwordFile)
	}
	return first, nil
}

// explain adds to an error what the user can do about it.
func (r *remote) explain(err error) error {
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, unreachable := errors.AsType[*client.UnreachableError](err)
	refused, _ := errors.AsType[*client.Error](err)
	switch {
	case untrusted:
		return fmt.Errorf("%w; if it is the right server, name the authority that signed its certificate with --ca-file", err)
	case unreachable:
		return fmt.Errorf("%w; start one with credence serve, or name its address with --server or %s", err, serverVariable)
	case refused != nil && refused.Status == http.StatusUnauthorized:
		return fmt.Errorf("%w; the login was %s with the password of %s", err, r.user, r.passwordSource())
	case refused != nil && len(refused.Missing) > 0:
		return fmt.Errorf("%w\nmissing in --grants: %s", err, refused.Missing)
	}
	return err
}

func (r *remote) passwordSource() string {
	if r.passwordFile != "" {
		return r.passwordFile
	}
	return passwordVariable
}

// print writes an answer.
func (r *remote) print(document json.RawMessage, rows output.Rows) error {
	if err := output.Write(r.w.stdout, r.format, document, rows); err != nil {
		return fmt.Errorf("cannot write the answer: %w", err)
	}
	return nil
}

// tellf says what was done where the server's answer does not: on the standard
// output for people, beside it where a program reads.
func (r *remote) tellf(format string, args ...any) {
	to := r.w.stderr
	if r.format == output.Table {
		to = r.w.stdout
	}
	fmt.Fprintln(to, output.Clean(fmt.Sprintf(format, args...)))
}
