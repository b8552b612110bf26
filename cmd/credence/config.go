package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/config"
)

func newConfigCommand(w *world) *cobra.Command {
	var sample bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the configuration that serve would run with, secrets masked",
		Args:  takes(),
	}
	config.BindFlags(cmd.Flags())
	cmd.Flags().BoolVar(&sample, "sample", false, "show a commented file with every key and its default instead")
	cmd.RunE = func(*cobra.Command, []string) error {
		if sample {
			_, err := io.WriteString(w.stdout, config.Sample())
			return err
		}
		effective, err := config.Load(config.Options{Environ: w.env, Ignore: clientVariables(), Flags: cmd.Flags()})
		if err != nil {
			return usageError{err.Error()}
		}
		return effective.Print(w.stdout)
	}
	return cmd
}
