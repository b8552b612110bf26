package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// Print writes the configuration as YAML, in the order of the sample, with
// asterisks for secrets that are set. What it writes can be read again by Load
// as long as no secret is set.
func (c Config) Print(w io.Writer) error {
	const indent = 2
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(indent)
	if err := errors.Join(encoder.Encode(c), encoder.Close()); err != nil {
		return fmt.Errorf("cannot print the configuration: %w", err)
	}
	if _, err := text.WriteTo(w); err != nil {
		return fmt.Errorf("cannot print the configuration: %w", err)
	}
	return nil
}
