package wasmhost

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/wasmabi"
)

// capabilities are what a manifest asks for or an operator grants.
type capabilities struct {
	names   []wasmabi.Capability // in the order in which they are written
	http    []httpRule
	secrets []string
}

// allCapabilities are those that a manifest can ask for, in the order of
// answers.
var allCapabilities = []wasmabi.Capability{wasmabi.Kv, wasmabi.Clock, wasmabi.Random, wasmabi.Crypto, wasmabi.HTTP, wasmabi.Secrets}

// granted without a word of the operator.
var grantedByDefault = capabilities{names: []wasmabi.Capability{wasmabi.Kv, wasmabi.Clock, wasmabi.Random, wasmabi.Crypto}}

// maxSecrets bounds the list of names of secrets.
const maxSecrets = 64

func (c *capabilities) has(name wasmabi.Capability) bool { return slices.Contains(c.names, name) }

// readCapabilities reads the object that manifests and grants share: a member
// for each capability. Grants may let a rule reach private addresses.
func readCapabilities(raw json.RawMessage, grants bool) (capabilities, error) {
	shapes := make(map[string]any, len(allCapabilities))
	for _, c := range allCapabilities {
		shapes[string(c)] = new(json.RawMessage)
	}
	names, err := readObject(raw, shapes)
	if err != nil {
		return capabilities{}, err
	}
	var all capabilities
	for _, name := range names {
		c := wasmabi.Capability(name)
		shape, _ := shapes[name].(*json.RawMessage)
		switch c {
		case wasmabi.HTTP:
			all.http, err = readRules(*shape, grants)
		case wasmabi.Secrets:
			all.secrets, err = readSecretNames(*shape)
		default:
			if !bytes.Equal(bytes.Join(bytes.Fields(*shape), nil), []byte("{}")) {
				err = fmt.Errorf("the member %q must be {}", name)
			}
		}
		if err != nil {
			return capabilities{}, err
		}
		all.names = append(all.names, c)
	}
	return all, nil
}

func readSecretNames(raw json.RawMessage) ([]string, error) {
	var names []string
	if err := json.Unmarshal(raw, &names); err != nil || names == nil {
		return nil, errors.New(`the member "secrets" must be a list of names`)
	}
	if len(names) > maxSecrets {
		return nil, fmt.Errorf(`the member "secrets" has %d names: at most %d are allowed`, len(names), maxSecrets)
	}
	for i, name := range names {
		switch {
		case name == "" || len(name) > wasmabi.MaxSecretNameBytes || strings.Trim(name, letters+digits+"._-") != "":
			return nil, fmt.Errorf("%.80q is no name of a secret: use 1 to %d letters, digits, dots, dashes or underscores", name, wasmabi.MaxSecretNameBytes)
		case slices.Contains(names[:i], name):
			return nil, fmt.Errorf("the secret %q is there twice", name)
		}
	}
	return names, nil
}

// readGrants reads the grants of a service, or gives those of a service
// without.
func readGrants(raw json.RawMessage) (capabilities, error) {
	if len(raw) == 0 {
		return grantedByDefault, nil
	}
	return readCapabilities(raw, true)
}

// missing returns what is asked for and not granted.
func (c *capabilities) missing(asked *capabilities) capabilities {
	var m capabilities
	for _, name := range asked.names {
		if !c.has(name) && (name != wasmabi.HTTP || len(asked.http) == 0) && (name != wasmabi.Secrets || len(asked.secrets) == 0) {
			m.names = append(m.names, name)
		}
	}
	for _, r := range asked.http {
		lacking := slices.DeleteFunc(slices.Clone(r.methods), func(method string) bool {
			allowed, _ := allows(c.http, method, r.target)
			return allowed
		})
		if len(lacking) > 0 {
			m.http = append(m.http, httpRule{target: r.target, url: r.url, methods: lacking})
		}
	}
	for _, name := range asked.secrets {
		if !slices.Contains(c.secrets, name) {
			m.secrets = append(m.secrets, name)
		}
	}
	if len(m.http) > 0 {
		m.names = append(m.names, wasmabi.HTTP)
	}
	if len(m.secrets) > 0 {
		m.names = append(m.names, wasmabi.Secrets)
	}
	return m
}

// MarshalJSON writes the form of manifests and grants.
func (c *capabilities) MarshalJSON() ([]byte, error) {
	type ruleJSON struct {
		URL          string   `json:"url"`
		Methods      []string `json:"methods"`
		AllowPrivate bool     `json:"allowPrivate,omitempty"`
	}
	rules := make([]ruleJSON, len(c.http))
	for i, r := range c.http {
		rules[i] = ruleJSON{r.url, r.methods, r.allowPrivate}
	}
	object := []byte{'{'}
	for _, name := range allCapabilities {
		if !c.has(name) {
			continue
		}
		var value any = struct{}{}
		switch name {
		case wasmabi.HTTP:
			value = rules
		case wasmabi.Secrets:
			value = append([]string{}, c.secrets...)
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		if len(object) > 1 {
			object = append(object, ',')
		}
		object = append(append(object, `"`+string(name)+`":`...), text...)
	}
	return append(object, '}'), nil
}

// words lists the capabilities for a message.
func (c *capabilities) words() string {
	words := make([]string, 0, len(c.names))
	for _, name := range allCapabilities {
		switch {
		case !c.has(name):
		case name == wasmabi.HTTP && len(c.http) > 0:
			for _, r := range c.http {
				words = append(words, "http ("+strings.Join(r.methods, " and ")+" "+r.url+")")
			}
		case name == wasmabi.Secrets && len(c.secrets) > 0:
			for _, secret := range c.secrets {
				words = append(words, "secrets ("+secret+")")
			}
		default:
			words = append(words, string(name))
		}
	}
	return strings.Join(words, ", ")
}

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
	granted, err := readGrants(grants)
	if err != nil {
		return nil, engine.Errorf(engine.CodeInvalid, "grants: %v", err).InField("/grants")
	}
	missing := granted.missing(&m.capabilities)
	if len(missing.names) == 0 {
		return nil, nil
	}
	return missing.MarshalJSON()
}

// checkGrants refuses a module that asks for more than the operator granted,
// and says what that is.
func checkGrants(raw json.RawMessage, asked *capabilities) (granted capabilities, err error) {
	if granted, err = readGrants(raw); err != nil {
		return granted, engine.Errorf(engine.CodeInvalid, "grants: %v", err).InField("/grants")
	}
	missing := granted.missing(asked)
	if len(missing.names) == 0 {
		return granted, nil
	}
	refusal := engine.Errorf(engine.CodeConflict, "the module asks for more than the service is granted, namely %s: add that to the grants, or use another module",
		missing.words()).InField("/grants")
	if refusal.Missing, err = missing.MarshalJSON(); err != nil {
		return granted, err
	}
	return granted, refusal
}
