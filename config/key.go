package config

import (
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/agnivade/levenshtein"
)

// separator stands between the levels of a key, envSeparator in the name of an
// environment variable.
const (
	separator    = "."
	envSeparator = "__"
	envPrefix    = "CREDENCE_"
)

var (
	secretType   = reflect.TypeFor[Secret]()
	durationType = reflect.TypeFor[time.Duration]()
)

// schema is what there is to configure, read from the types once.
type schema struct {
	keys     map[string]reflect.Type // leaf key -> type of its value
	sections map[string]bool         // inner keys: log, http, http.tls, …
	byEnv    map[string]string       // folded environment name -> leaf key
}

// known is the schema of Config.
var known = newSchema(reflect.TypeFor[Config]())

func newSchema(root reflect.Type) schema {
	s := schema{
		keys:     map[string]reflect.Type{},
		sections: map[string]bool{},
		byEnv:    map[string]string{},
	}
	s.add("", root)
	for key := range s.keys {
		s.byEnv[foldEnv(envName(key))] = key
	}
	return s
}

func (s schema) add(prefix string, t reflect.Type) {
	for field := range t.Fields() {
		key := prefix + field.Tag.Get("yaml")
		if field.Type.Kind() == reflect.Struct {
			s.sections[key] = true
			s.add(key+separator, field.Type)
			continue
		}
		s.keys[key] = field.Type
	}
}

// leaves lists the keys that hold a value, in order of the alphabet.
func (s schema) leaves() []string { return slices.Sorted(maps.Keys(s.keys)) }

// names lists the leaves and the sections, in order of the alphabet.
func (s schema) names() []string {
	names := slices.AppendSeq(s.leaves(), maps.Keys(s.sections))
	slices.Sort(names)
	return names
}

// example is a leaf of a section.
func (s schema) example(section string) string {
	leaves := s.leaves()
	return leaves[slices.IndexFunc(leaves, func(key string) bool {
		return strings.HasPrefix(key, section+separator)
	})]
}

// secret reports whether the value of a key must not be shown.
func (s schema) secret(key string) bool { return s.keys[key] == secretType }

// nearest finds the name that a wrong one was probably meant to be: the one
// with the fewest letters to change. A name that is right but for its section
// counts as near.
func nearest(wrong string, names []string) string {
	const longest = 100 // more letters than any key has; the cost is quadratic
	wrong = wrong[:min(len(wrong), longest)]
	best, fewest := "", math.MaxInt
	for _, name := range names {
		changes := levenshtein.ComputeDistance(strings.ToLower(wrong), strings.ToLower(name))
		if strings.EqualFold(lastLevel(wrong), lastLevel(name)) {
			changes = min(changes, 1)
		}
		if changes < fewest {
			best, fewest = name, changes
		}
	}
	return best
}

func lastLevel(key string) string {
	return key[strings.LastIndex(key, separator)+1:]
}

// envName is how a key is written in the environment:
// etcd.dialTimeout -> CREDENCE_ETCD__DIAL_TIMEOUT.
func envName(key string) string {
	var b strings.Builder
	b.WriteString(envPrefix)
	for _, r := range strings.ReplaceAll(key, separator, envSeparator) {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// foldEnv makes names of the environment comparable: letters in lower case,
// levels separated, single underscores left out.
func foldEnv(name string) string {
	levels := strings.Split(strings.TrimPrefix(name, envPrefix), envSeparator)
	for i, level := range levels {
		levels[i] = strings.ToLower(strings.ReplaceAll(level, "_", ""))
	}
	return strings.Join(levels, separator)
}
