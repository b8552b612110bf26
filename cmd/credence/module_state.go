package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// stateEntry is one key of a module's state in a file. What is text stands as
// text, so that people can read and write it; anything else is in base64.
type stateEntry struct {
	Key      *string `json:"key,omitempty"`
	KeyB64   []byte  `json:"keyBase64,omitempty"`
	Value    *string `json:"value,omitempty"`
	ValueB64 []byte  `json:"valueBase64,omitempty"`
}

// readState reads a file that writeState has written, or a person. A file that
// is not there is an empty state.
func readState(path string) (map[string][]byte, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the state: %w", err)
	}
	var entries []stateEntry
	if err := json.Unmarshal(content, &entries); err != nil {
		return nil, fmt.Errorf(`%s holds no state: it should be a list like [{"key": "a", "value": "b"}]: %w`, path, err)
	}
	state := make(map[string][]byte, len(entries))
	for i, e := range entries {
		key := string(e.KeyB64)
		if e.Key != nil {
			key = *e.Key
		}
		if key == "" {
			return nil, fmt.Errorf(`%s: the entry %d has no key: give "key", or "keyBase64"`, path, i+1)
		}
		state[key] = append([]byte{}, e.ValueB64...)
		if e.Value != nil {
			state[key] = []byte(*e.Value)
		}
	}
	return state, nil
}

// writeState writes the state in the order of the keys, so that files compare.
func writeState(path string, state map[string][]byte) error {
	entries := make([]stateEntry, 0, len(state))
	for _, key := range slices.Sorted(maps.Keys(state)) {
		e := stateEntry{KeyB64: []byte(key), ValueB64: state[key]}
		if isText(e.KeyB64) {
			e.Key, e.KeyB64 = &key, nil
		}
		if isText(e.ValueB64) {
			value := string(e.ValueB64)
			e.Value, e.ValueB64 = &value, nil
		}
		entries = append(entries, e)
	}
	content, err := json.MarshalIndent(entries, "", "  ")
	if err != nil {
		return err
	}
	if err := replaceFile(path, append(content, '\n')); err != nil {
		return fmt.Errorf("cannot write the state: %w", err)
	}
	return nil
}

func isText(b []byte) bool {
	return utf8.Valid(b) && !strings.ContainsFunc(string(b), func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' })
}
