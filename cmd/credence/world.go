package main

import (
	"io"
	"strings"
)

// world is all that the program sees of its surroundings besides files and the
// network, so that tests run the whole of it.
type world struct {
	program        string   // path of the executable; empty: it cannot be started again
	args           []string // without the program's own name
	env            []string // in the form of os.Environ
	stdin          io.Reader
	stdout, stderr io.Writer
}

// The environment variables of commands that speak to a server. They are no
// keys of a node's configuration, though their names begin alike.
const (
	serverVariable   = "CREDENCE_SERVER"
	userVariable     = "CREDENCE_USER"
	passwordVariable = "CREDENCE_PASSWORD"
)

// clientVariables lists them for config.Options.Ignore.
func clientVariables() []string { return []string{serverVariable, userVariable, passwordVariable} }

// variable is the value of an environment variable, or else the given text when
// it is unset or empty. As in a process, the last of several wins.
func (w *world) variable(name, otherwise string) string {
	value := otherwise
	for _, pair := range w.env {
		if text, found := strings.CutPrefix(pair, name+"="); found && text != "" {
			value = text
		}
	}
	return value
}
