package config

import (
	"fmt"
	"io"
)

// mask stands where a secret would be. It does not tell the length.
const mask = "********"

// Secret is a text that must not be seen. However it is formatted, logged or
// encoded, it shows as asterisks, or as nothing if it is empty; string(s) is the
// only way to the text itself.
type Secret string

// Format writes the mask, whatever the verb and its flags.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, s.masked())
}

// MarshalText gives the mask to every encoder: YAML, JSON, slog.
func (s Secret) MarshalText() ([]byte, error) {
	return []byte(s.masked()), nil
}

func (s Secret) masked() string {
	if s == "" {
		return ""
	}
	return mask
}
