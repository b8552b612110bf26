package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build says which program this is.
type build struct {
	Version  string // of the release, or "(devel)"
	Revision string // of the sources; empty when it was built without them
	Go       string // version of the toolchain
}

// thisBuild reads what the toolchain wrote into the program.
func thisBuild() build {
	b := build{Version: "(devel)", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			b.Revision = setting.Value
		}
	}
	return b
}

func newVersionCommand(w *world) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program",
		Args:  takes(),
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			text := "credence " + b.Version
			if b.Revision != "" {
				text += " " + b.Revision
			}
			_, err := fmt.Fprintln(w.stdout, text, b.Go)
			return err
		},
	}
}
