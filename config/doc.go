// Package config holds the typed configuration of a Credence node.
//
// Values come from four places, each overriding the one before: the defaults,
// a YAML or TOML file, the environment, and the command line. Everything is
// parsed and validated once, in [Load]; nothing changes afterwards. A key that
// does not exist, in the file or in the environment, is refused with the name
// it was probably meant to be, because a misspelt limit that is silently
// ignored is a limit that is not there.
//
// The file credence.sample.yaml, available as [Sample], describes every key
// with its unit and its default. RATIONALE.md records why things are so.
package config
