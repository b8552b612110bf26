package wasmhost

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/credence-engine/credence/wasmabi"
)

// manifest is what a module says of itself. The zero value is that of a module
// that says nothing and asks for nothing.
type manifest struct {
	raw          json.RawMessage
	name         string
	version      string
	description  string
	capabilities capabilities
	memoryPages  int // that the module needs; 0 for the node's default
	callMs       int // that a call needs; 0 for the node's default
	singleUse    bool
}

// maxNameBytes bounds the name and the version, which are shown in tables.
const maxNameBytes = 128

// readManifest reads the payload of the custom section, strictly.
func readManifest(raw []byte) (manifest, error) {
	if len(raw) > wasmabi.MaxManifestBytes {
		return manifest{}, fmt.Errorf("%d bytes, at most %d are allowed", len(raw), wasmabi.MaxManifestBytes)
	}
	m := manifest{raw: bytes.Clone(raw)}
	var (
		abi                          int
		asked, limits, configuration json.RawMessage
	)
	names, err := readObject(raw, map[string]any{
		"abi": &abi, "name": &m.name, "version": &m.version, "description": &m.description,
		"capabilities": &asked, "configSchema": &configuration, "limits": &limits,
	})
	if err != nil {
		return m, err
	}
	if abi != wasmabi.Version {
		return m, fmt.Errorf("the member \"abi\" must be %d", wasmabi.Version)
	}
	for member, text := range map[string]string{"name": m.name, "version": m.version, "description": m.description} {
		switch {
		case member != "description" && (text == "" || len(text) > maxNameBytes):
			return m, fmt.Errorf("the member %q is required, with 1 to %d bytes", member, maxNameBytes)
		case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' }):
			return m, fmt.Errorf("the member %q holds control characters", member)
		}
	}
	for _, name := range names {
		switch name {
		case "capabilities":
			m.capabilities, err = readCapabilities(asked, false)
		case "configSchema":
			err = json.Unmarshal(configuration, &map[string]json.RawMessage{})
		case "limits":
			err = m.readLimits(limits)
		}
		if err != nil {
			return m, fmt.Errorf("%s: %w", name, err)
		}
	}
	return m, nil
}

func (m *manifest) readLimits(raw json.RawMessage) error {
	_, err := readObject(raw, map[string]any{"memoryPages": &m.memoryPages, "callMs": &m.callMs, "singleUse": &m.singleUse})
	if err == nil && (m.memoryPages < 0 || m.callMs < 0) {
		err = errors.New("a limit is negative")
	}
	return err
}
