// Package output writes the answers of the commands: as a table for people, or
// as the server's JSON, or the same as YAML, for programs.
package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Format is a form of output. It is a flag's value (pflag.Value).
type Format string

// The formats.
const (
	Table Format = "table"
	JSON  Format = "json"
	YAML  Format = "yaml"
)

// Formats lists the formats for messages and completion.
func Formats() []string { return []string{string(Table), string(JSON), string(YAML)} }

// String returns the name.
func (f *Format) String() string { return string(*f) }

// Set takes a name.
func (f *Format) Set(name string) error {
	switch Format(name) {
	case Table, JSON, YAML:
		*f = Format(name)
		return nil
	}
	return fmt.Errorf("use one of %s", strings.Join(Formats(), ", "))
}

// Type is what the help text calls the value.
func (f *Format) Type() string { return strings.Join(Formats(), "|") }

// Write writes an answer: the rows when the format is Table, the document
// otherwise.
func Write(w io.Writer, f Format, document json.RawMessage, rows Rows) error {
	switch f {
	case JSON:
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, document, "", "  "); err != nil {
			return fmt.Errorf("cannot print the answer as JSON: %w", err)
		}
		pretty.WriteByte('\n')
		_, err := pretty.WriteTo(w)
		return err
	case YAML:
		return writeYAML(w, document)
	default:
		return rows.write(w)
	}
}
