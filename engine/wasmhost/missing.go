package wasmhost

import (
	"encoding/json"
	"slices"

	"github.com/credence-engine/credence/engine"
)

// Missing returns what a module's manifest asks for and a service's grants do
// not give: an object of their form, or nil if nothing is missing. Without
// grants, those that a service has by default count. It is an *engine.Error
// with CodeInvalid if one of them cannot be read.
func Missing(manifestJSON, grants []byte) (json.RawMessage, error) {
	var m manifest
	var err error
	if len(manifestJSON) > 0 {
		if m, err = readManifest(manifestJSON); err != nil {
			return nil, engine.Errorf(engine.CodeInvalid, "the manifest: %v", err)
		}
	}
	granted := grantedByDefault
	if len(grants) > 0 {
		if granted, err = readCapabilities(grants); err != nil {
			return nil, engine.Errorf(engine.CodeInvalid, "grants: %v", err).InField("/grants")
		}
	}
	missing := map[string]struct{}{}
	for _, c := range m.capabilities {
		if !slices.Contains(granted, c) {
			missing[string(c)] = struct{}{}
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	return json.Marshal(missing)
}
