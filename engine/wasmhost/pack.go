package wasmhost

import (
	"fmt"

	"github.com/credence-engine/credence/engine/wasmhost/internal/wasmbin"
	"github.com/credence-engine/credence/wasmabi"
)

// Pack returns a copy of a module that carries the manifest, in the place of
// one that it may have carried. It is a tool for authors of modules and needs
// no server. The manifest is checked as at an upload; of the module only the
// outer structure is read. The errors are for the author.
func Pack(wasm, manifest []byte) ([]byte, error) {
	if _, err := readManifest(manifest); err != nil {
		return nil, fmt.Errorf("the manifest cannot be used: %w", err)
	}
	packed, err := wasmbin.AppendCustom(wasm, wasmabi.ManifestSection, manifest)
	if err != nil {
		return nil, fmt.Errorf("the module cannot be packed: %w", err)
	}
	return packed, nil
}
