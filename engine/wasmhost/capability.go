package wasmhost

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/wasmabi"
)

// capabilities are what a manifest asks for or an operator grants, in the
// order in which they are written there.
type capabilities []wasmabi.Capability

// granted without a word of the operator.
var grantedByDefault = capabilities{wasmabi.Kv, wasmabi.Clock, wasmabi.Random, wasmabi.Crypto}

// readCapabilities reads the object that manifests and grants share: a member
// for each capability.
func readCapabilities(raw json.RawMessage) (capabilities, error) {
	shapes := make(map[string]any, 6)
	for _, c := range []wasmabi.Capability{wasmabi.Kv, wasmabi.Clock, wasmabi.Random, wasmabi.Crypto, wasmabi.HTTP, wasmabi.Secrets} {
		shapes[string(c)] = new(json.RawMessage)
	}
	names, err := readObject(raw, shapes)
	if err != nil {
		return nil, err
	}
	all := make(capabilities, 0, len(names))
	for _, name := range names {
		c := wasmabi.Capability(name)
		if c == wasmabi.HTTP || c == wasmabi.Secrets { // their form is not fixed yet
			return nil, notOfferedError{c}
		}
		shape, _ := shapes[name].(*json.RawMessage)
		if !bytes.Equal(bytes.Join(bytes.Fields(*shape), nil), []byte("{}")) {
			return nil, fmt.Errorf("the member %q must be {}", name)
		}
		all = append(all, c)
	}
	return all, nil
}

// notOfferedError says that a capability is part of the ABI and not of this
// version.
type notOfferedError struct{ wasmabi.Capability }

func (e notOfferedError) Error() string {
	return fmt.Sprintf("the capability %q is not offered by this version of the engine", string(e.Capability))
}

// checkGrants refuses a module that asks for more than the operator granted.
func checkGrants(raw json.RawMessage, asked capabilities) error {
	granted := grantedByDefault
	if len(raw) > 0 {
		var err error
		if granted, err = readCapabilities(raw); err != nil {
			return engine.Errorf(refusalCode(err), "grants: %v", err).InField("/grants")
		}
	}
	var missing []string
	for _, c := range asked {
		if !slices.Contains(granted, c) {
			missing = append(missing, string(c))
		}
	}
	if len(missing) > 0 {
		return engine.Errorf(engine.CodeConflict, "the module asks for more than the service is granted, namely %s: add that to the grants, or use another module",
			strings.Join(missing, ", ")).InField("/grants")
	}
	return nil
}
