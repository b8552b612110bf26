package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/output"
	"github.com/credence-engine/credence/cmd/credence/project"
)

func newModuleNewCommand(w *world) *cobra.Command {
	var language, dir string
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Begin a credentials service of your own: a project that builds and passes its check",
		Long: "Begin a credentials service of your own: a project in one of the languages " + strings.Join(project.Languages(), ", ") + ", with the SDK inside,\n" +
			"which builds and passes its check as it is. Its README says what it needs and what to do next.",
		Args: takes("NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			if dir == "" {
				dir = args[0]
			}
			files, err := project.Create(dir, args[0], language)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(w.stdout, output.Clean(fmt.Sprintf("wrote %s with %s; build and check it with: make -C %s", dir, strings.Join(files, ", "), dir)))
			return err
		},
	}
	cmd.Flags().StringVar(&language, "lang", "go", "`language`: "+strings.Join(project.Languages(), ", "))
	cmd.Flags().StringVar(&dir, "dir", "", "`folder` to write; otherwise one with the project's name")
	completeFlag(cmd, "lang", fixed(project.Languages()...))
	return cmd
}
