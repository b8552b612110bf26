package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/credence-engine/credence/cmd/credence/output"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost"
)

// newModulePackCommand needs no server. Its -o takes the place of the global
// one: there is no answer that could have a form.
func newModulePackCommand(w *world) *cobra.Command {
	var manifestFile, outputFile string
	cmd := &cobra.Command{
		Use:   "pack IN.wasm --manifest manifest.json -o OUT.wasm",
		Short: "Put a manifest into a module, in the place of one that it has; needs no server",
		Args:  takes("IN.wasm"),
		RunE: func(_ *cobra.Command, args []string) error {
			wasm, err := readInput(w, args[0])
			if err != nil {
				return err
			}
			manifest, err := readInput(w, manifestFile)
			if err != nil {
				return err
			}
			packed, err := wasmhost.Pack(wasm, manifest)
			if err != nil {
				return err
			}
			if err := replaceFile(outputFile, packed); err != nil {
				return fmt.Errorf("cannot write the module: %w", err)
			}
			_, err = fmt.Fprintln(w.stdout, output.Clean(fmt.Sprintf("wrote %s, %s, %s", outputFile, sizeText(len(packed)), engine.DigestOf(packed))))
			return err
		},
	}
	cmd.Flags().StringVar(&manifestFile, "manifest", "", "`file` with the manifest, JSON (required)")
	cmd.Flags().StringVarP(&outputFile, "output", "o", "", "`file` to write; may be the one that was read (required)")
	requireFlag(cmd, "manifest")
	requireFlag(cmd, "output")
	return cmd
}

// replaceFile writes a file whole or not at all.
func replaceFile(path string, content []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".credence-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(content)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := os.Chmod(file.Name(), 0o644); err != nil { //nolint:gosec // a module is no secret
		return err
	}
	return os.Rename(file.Name(), path)
}
