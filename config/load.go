package config

import (
	"errors"
	"fmt"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Options says where the configuration comes from. The zero value gives the
// defaults.
type Options struct {
	// File is the path of a YAML or TOML file. Empty: the file that the flag
	// --config names, if Flags has it.
	File string
	// Environ is the environment in the form of os.Environ. Variables whose
	// name does not begin with CREDENCE_ are passed over.
	Environ []string
	// Ignore lists variables that begin with CREDENCE_ and are no
	// configuration of the node, such as those of client commands.
	Ignore []string
	// Flags is a parsed set that BindFlags has been applied to, or nil. Only
	// flags that were given count.
	Flags *pflag.FlagSet
}

// Load reads, parses and validates the configuration. A later source overrides
// an earlier one, key by key: defaults, file, environment, flags. Lists are
// replaced, not joined.
//
// The error names everything that is wrong with the keys and values of a
// source, one problem a line, with the source and what is allowed. It never
// shows a secret.
func Load(o Options) (Config, error) {
	path := o.File
	if path == "" {
		path = fileFrom(o.Flags)
	}
	fileEntries, fileErr := fromFile(path)
	envEntries, envErr := fromEnvironment(o.Environ, o.Ignore)
	flagEntries, flagErr := fromFlags(o.Flags)
	if err := errors.Join(fileErr, envErr, flagErr); err != nil {
		return Config{}, err
	}

	c, origin, err := merge(fileEntries, envEntries, flagEntries)
	if err != nil {
		return Config{}, err
	}
	if err := validate(c, origin); err != nil {
		return Config{}, err
	}
	c.derive()
	return c, nil
}

// merge lays the entries over the defaults, and tells where the value of each
// key came from.
func merge(layers ...[]entry) (Config, map[string]string, error) {
	merged := koanf.New(separator)
	if err := merged.Load(structs.Provider(defaults(), "yaml"), nil); err != nil {
		return Config{}, nil, fmt.Errorf("cannot read the defaults: %w", err)
	}
	origin := map[string]string{}
	for _, layer := range layers {
		values := map[string]any{}
		var problems []error
		for _, e := range layer {
			value, err := e.value()
			problems = append(problems, err)
			values[e.key] = value
			origin[e.key] = e.source
		}
		if err := errors.Join(problems...); err != nil {
			return Config{}, nil, err
		}
		if err := merged.Load(confmap.Provider(values, separator), nil); err != nil {
			return Config{}, nil, fmt.Errorf("cannot merge the configuration: %w", err)
		}
	}

	var c Config
	err := merged.UnmarshalWithConf("", &c, koanf.UnmarshalConf{
		DecoderConfig: &mapstructure.DecoderConfig{TagName: "yaml", ErrorUnused: true},
	})
	if err != nil {
		return Config{}, nil, fmt.Errorf("cannot build the configuration: %w", err)
	}
	return c, origin, nil
}
