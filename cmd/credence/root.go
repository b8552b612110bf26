package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/output"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// The groups of commands in the help text.
const (
	clientGroup = "client"
	localGroup  = "local"
)

// run runs one command to its end and returns the exit code.
func run(ctx context.Context, w *world) int {
	cmd, err := newRootCommand(w).ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	failed, isFailure := errors.AsType[failure](err)
	switch {
	case errors.Is(err, errRejected), errors.Is(err, errInactive):
		return exitFailed // the answer has said it
	case isFailure && !isUsage(err):
		fmt.Fprintf(w.stderr, "credence: %s\n", sentence(failed.cause))
		return exitFailed
	default:
		fmt.Fprintf(w.stderr, "credence: %s\nSee '%s --help'.\n", sentence(err), cmd.CommandPath())
		return exitUsage
	}
}

// sentence is the text of an error, safe for a terminal. Several problems keep
// a line each.
func sentence(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		lines[i] = output.Clean(line)
	}
	return strings.Join(lines, "\n")
}

// failure is an error of a command that was used rightly. All other errors of
// the command tree come from reading the command line.
type failure struct{ cause error }

func (f failure) Error() string { return f.cause.Error() }
func (f failure) Unwrap() error { return f.cause }

// usageError is wrong usage that only the command itself can see.
type usageError struct{ text string }

func (u usageError) Error() string { return u.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

func isUsage(err error) bool {
	_, found := errors.AsType[usageError](err)
	return found
}

func newRootCommand(w *world) *cobra.Command {
	root := &cobra.Command{
		Use:           "credence",
		Short:         "The credentials engine for connected devices",
		Long:          "Credence says which endpoints may connect to which application.\n\nExit codes: 0 done (or accepted), 1 refused or failed, 2 wrong usage.",
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          nameSubcommand,
	}
	root.SetArgs(w.args)
	root.SetIn(w.stdin)
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	root.SetFlagErrorFunc(explainFlag)
	root.AddGroup(
		&cobra.Group{ID: localGroup, Title: "Run a server:"},
		&cobra.Group{ID: clientGroup, Title: "Speak to a server:"},
	)

	r := newRemote(w, root.PersistentFlags())
	add(root, localGroup, newServeCommand(w), newClusterCommand(w), newConfigCommand(w), newBackupCommand(w), newRestoreCommand(w))
	add(root, clientGroup,
		newAppCommand(r), newCredentialsCommand(r), newRegistrationCommand(r),
		newServiceCommand(r), newModuleCommand(r), newSecretCommand(r), newNodeCommand(r), newGenerationCommand(r), newEventsCommand(r), newAuditCommand(r), newVerifyCommand(r),
		newSessionCommand(r), newEndpointCommand(r))
	root.AddCommand(newVersionCommand(w), newModuleCompileCommand(w))
	completeFlag(root, "output", fixed(output.Formats()...))
	keepRemoteFlagsToClients(root, r)
	markFailures(root)
	return root
}

func add(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, cmd := range commands {
		cmd.GroupID = group
		root.AddCommand(cmd)
	}
}

// group makes a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, RunE: nameSubcommand, Args: cobra.ArbitraryArgs}
	cmd.AddCommand(commands...)
	return cmd
}

// nameSubcommand runs when a group was called without one of its commands.
func nameSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("%s needs one of its commands", cmd.CommandPath())
	}
	text := fmt.Sprintf("%s has no command %q", cmd.CommandPath(), args[0])
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += ": did you mean " + strings.Join(near, " or ") + "?"
	}
	return usagef("%s", text)
}

// explainFlag helps with the one flag error that has a surprising cause.
func explainFlag(_ *cobra.Command, err error) error {
	if strings.HasPrefix(err.Error(), "unknown shorthand flag") {
		return fmt.Errorf("%w; an id that begins with a dash needs -- before it, after all flags", err)
	}
	return err
}

// markFailures tells errors of commands from errors of the command line, which
// come back from the library without a type.
func markFailures(cmd *cobra.Command) {
	for _, child := range cmd.Commands() {
		markFailures(child)
	}
	cmd.PreRunE, cmd.RunE = failing(cmd.PreRunE), failing(cmd.RunE)
}

func failing(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	if run == nil {
		return nil
	}
	return func(cmd *cobra.Command, args []string) error {
		if err := run(cmd, args); err != nil {
			return failure{err}
		}
		return nil
	}
}

// keepRemoteFlagsToClients hides the flags of commands that speak to a server
// from the help of the others, which refuse them.
func keepRemoteFlagsToClients(root *cobra.Command, r *remote) {
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if !speaks(cmd) && cmd != root {
			r.hideFlags()
		}
		help(cmd, args)
	})
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if name := r.givenFlag(); name != "" && !speaks(cmd) && cmd != root {
			return usagef("unknown flag: --%s: %s does not speak to a server", name, cmd.CommandPath())
		}
		return nil
	}
}

// speaks tells whether a command belongs to those that speak to a server: its
// own group says so, or else that of the command that holds it.
func speaks(cmd *cobra.Command) bool {
	for ; cmd.HasParent(); cmd = cmd.Parent() {
		if cmd.GroupID != "" {
			return cmd.GroupID == clientGroup
		}
	}
	return false
}
