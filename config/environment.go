package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/knadh/koanf/providers/env/v2"
)

// fromEnvironment reads the variables whose name begins with CREDENCE_, other
// than the ignored ones.
func fromEnvironment(environ, ignored []string) ([]entry, error) {
	variables, err := env.Provider("", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
	}).Read()
	if err != nil {
		return nil, fmt.Errorf("cannot read the environment: %w", err)
	}

	var (
		entries  []entry
		problems []error
		setBy    = map[string]string{}
	)
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if slices.Contains(ignored, name) {
			continue
		}
		key, ok := known.byEnv[foldEnv(name)]
		if !ok {
			meant := nearest(foldEnv(name), known.leaves())
			problems = append(problems, fmt.Errorf(
				"environment variable %s: unknown key; the nearest known name is %s (%s)", shown(name), envName(meant), meant))
			continue
		}
		if other, twice := setBy[key]; twice {
			problems = append(problems, fmt.Errorf("environment variables %s and %s both set %s; remove one", other, name, key))
			continue
		}
		setBy[key] = name
		entries = append(entries, entry{key: key, source: "environment variable " + name, raw: variables[name]})
	}
	return entries, errors.Join(problems...)
}
