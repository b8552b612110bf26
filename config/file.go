package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	yamlparser "github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/file"
	"go.yaml.in/yaml/v3"
)

// fromFile reads a YAML or TOML file, told apart by the end of its name. No
// path, no entries.
func fromFile(path string) ([]entry, error) {
	if path == "" {
		return nil, nil
	}
	parse, err := parserFor(path)
	if err != nil {
		return nil, err
	}
	content, err := file.Provider(path).ReadBytes()
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration file: %w", err)
	}
	tree, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("configuration file %s: %s", path, withoutValues(err))
	}
	reader := fileReader{source: "file " + path}
	reader.walk("", tree)
	return reader.entries, errors.Join(reader.problems...)
}

func parserFor(path string) (func([]byte) (map[string]any, error), error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		return parseYAML, nil
	case ".toml":
		return toml.Parser().Unmarshal, nil
	default:
		return nil, fmt.Errorf("configuration file %s: its name must end in .yaml, .yml or .toml, which says how to read it", path)
	}
}

// parseYAML refuses a second document, which the parser alone would pass over.
func parseYAML(content []byte) (map[string]any, error) {
	tree, err := yamlparser.Parser().Unmarshal(content)
	if err != nil {
		return nil, err
	}
	documents := yaml.NewDecoder(bytes.NewReader(content))
	var document yaml.Node
	for range 2 {
		switch err := documents.Decode(&document); {
		case errors.Is(err, io.EOF):
			return tree, nil
		case err != nil:
			return nil, err
		}
	}
	return nil, errors.New("holds more than one YAML document; keep one")
}

// quotedValue matches the places where the parsers quote what they found,
// which may be a secret.
var quotedValue = regexp.MustCompile("(?s)`.*`|anchor '.*?'|parsing \".*?\"")

func withoutValues(err error) string {
	text := quotedValue.ReplaceAllString(err.Error(), "a value")
	var at interface{ Position() (row, column int) }
	if errors.As(err, &at) {
		row, column := at.Position()
		text = fmt.Sprintf("line %d, column %d: %s", row, column, text)
	}
	return text
}

// fileReader turns a tree of sections into entries and complains about what is
// not known.
type fileReader struct {
	source   string
	entries  []entry
	problems []error
}

func (r *fileReader) walk(prefix string, tree map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		key, raw := prefix+name, tree[name]
		switch {
		case strings.Contains(name, separator):
			r.complainf("%s: unknown key %q: write the levels as sections, one inside the other; the nearest known key is %s",
				r.source, shown(key), nearest(key, known.names()))
		case known.keys[key] != nil:
			r.entries = append(r.entries, entry{key: key, source: r.source, raw: raw})
		case known.sections[key]:
			r.section(key, raw)
		default:
			r.complainf("%s: unknown key %q; the nearest known key is %s", r.source, shown(key), nearest(key, known.names()))
		}
	}
}

func (r *fileReader) section(key string, raw any) {
	if raw == nil { // a section whose lines are all comments
		return
	}
	inner, ok := raw.(map[string]any)
	if !ok {
		r.complainf("%s: %s is a section and needs keys below it, such as %s", r.source, key, known.example(key))
		return
	}
	r.walk(key+separator, inner)
}

func (r *fileReader) complainf(format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf(format, args...))
}
