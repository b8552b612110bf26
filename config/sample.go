package config

import _ "embed"

//go:embed credence.sample.yaml
var sample string

// Sample is a commented configuration file that names every key with its
// default. Loading it gives the same as loading nothing.
func Sample() string { return sample }
