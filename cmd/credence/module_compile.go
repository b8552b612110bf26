package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/engine/wasmhost"
)

// moduleCompile is the command that a server starts for each module that it
// has to compile.
const moduleCompile = "module-compile"

// newCompiler compiles modules in processes of this program, or returns nil
// when that cannot be started.
func newCompiler(program string, timeout time.Duration) wasmhost.Compiler {
	if program == "" {
		return nil
	}
	return wasmhost.ChildCompiler{
		Command: []string{program, moduleCompile}, Time: timeout, Memory: wasmhost.DefaultCompileMemory,
	}.Compile
}

func newModuleCompileCommand(w *world) *cobra.Command {
	return &cobra.Command{
		Use:    moduleCompile,
		Short:  "Compile a module for a server, which starts this command",
		Hidden: true,
		Args:   takes(),
		RunE:   func(cmd *cobra.Command, _ []string) error { return wasmhost.Compile(cmd.Context(), w.stdin, w.stdout) },
	}
}
