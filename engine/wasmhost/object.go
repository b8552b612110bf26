package wasmhost

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// readObject decodes the members of a JSON object into the pointers that stand
// under their names, and returns the names that occur. Unlike encoding/json it
// is strict: names are compared as they are, none may be unknown, and none may
// occur twice.
func readObject(raw []byte, into map[string]any) ([]string, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	var names []string
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("not valid JSON: %w", err)
		}
		name, _ := t.(string)
		target, known := into[name]
		switch {
		case !known:
			return nil, fmt.Errorf("the member %.64q is unknown: use %s", name, strings.Join(slices.Sorted(maps.Keys(into)), ", "))
		case slices.Contains(names, name):
			return nil, fmt.Errorf("the member %q occurs twice", name)
		}
		names = append(names, name)
		if err := d.Decode(target); err != nil {
			return nil, fmt.Errorf("the member %q: %w", name, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("not valid JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return names, nil
}
