package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// maxInputBytes bounds what is read of a file or of the standard input. The
// largest that a server takes is a module.
const maxInputBytes = 64 << 20

// first reads what the flags name before the server is asked for anything. The
// library checks which flags are there only after that, so it is done here.
func first(cmd *cobra.Command, read func() error) {
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if err := cmd.ValidateRequiredFlags(); err != nil {
			return usageError{err.Error()}
		}
		if err := cmd.ValidateFlagGroups(); err != nil {
			return usageError{err.Error()}
		}
		return read()
	}
}

// jsonFlag is a flag that takes JSON, or the name of a file with JSON after an
// at sign.
type jsonFlag struct {
	name, text string
	value      json.RawMessage // after read; nil when the flag was not given
}

// bind defines the flag in a command.
func (f *jsonFlag) bind(cmd *cobra.Command, name, help string) {
	f.name = name
	cmd.Flags().StringVar(&f.text, name, "", help+": `JSON`, or @file (@- is the standard input)")
}

// read reads the JSON. It runs with the command and not with the flags: those
// are read for a shell's completion too.
func (f *jsonFlag) read(w *world) error {
	if f.text == "" {
		return nil
	}
	content := []byte(f.text)
	if path, isFile := strings.CutPrefix(f.text, "@"); isFile {
		var err error
		if content, err = readInput(w, path); err != nil {
			return err
		}
	}
	if !json.Valid(content) {
		return usagef("--%s is no valid JSON: give JSON in quotes, or @ and the name of a file", f.name)
	}
	f.value = content
	return nil
}

// readInput reads a file, or the standard input for the name "-".
func readInput(w *world, path string) ([]byte, error) {
	from := w.stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("cannot read the input: %w", err)
		}
		defer file.Close()
		from = file
	}
	content, err := io.ReadAll(io.LimitReader(from, maxInputBytes+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the input: %w", err)
	}
	if len(content) > maxInputBytes {
		return nil, fmt.Errorf("%s is larger than %d MiB, more than any server takes", path, maxInputBytes>>20)
	}
	return content, nil
}

// bindApp defines the flag --app, which is required.
func bindApp(cmd *cobra.Command, r *remote, app *string) {
	cmd.Flags().StringVar(app, "app", "", "`application`, by its id or name (required)")
	requireFlag(cmd, "app")
	completeFlag(cmd, "app", r.complete(appNames))
}

// requireFlag makes a flag that is defined in cmd a required one.
func requireFlag(cmd *cobra.Command, name string) {
	if err := cmd.MarkFlagRequired(name); err != nil {
		panic(err) // only for a flag that does not exist
	}
}

// takes checks that the arguments are exactly those named.
func takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == len(names):
			return nil
		case len(names) == 0:
			return usagef("%s takes no argument, but there is %q", cmd.CommandPath(), args[0])
		}
		return usagef("%s takes %s and nothing else, but there are %d arguments", cmd.CommandPath(), strings.Join(names, " "), len(args))
	}
}

// bindLimit defines the flag --limit of a listing.
func bindLimit(cmd *cobra.Command, limit *uint) {
	cmd.Flags().UintVar(limit, "limit", 0, "list at most this `number`; 0 lists all")
}

// parseLabels reads texts of the form key=value. A key without a value has the
// empty one.
func parseLabels(texts []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, text := range texts {
		key, value, found := strings.Cut(text, "=")
		if !found || key == "" {
			return nil, usagef("--label %q: a label looks like site=berlin", text)
		}
		if _, twice := labels[key]; twice {
			return nil, usagef("--label %s is given twice", key)
		}
		labels[key] = value
	}
	return labels, nil
}
