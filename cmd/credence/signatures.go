package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/credence-engine/credence/config"
	"github.com/credence-engine/credence/engine"
)

// signaturePolicy reads the keys that a node trusts.
func signaturePolicy(c config.Signatures) (engine.SignaturePolicy, error) {
	policy := engine.SignaturePolicy{Mode: engine.SignatureMode(c.Policy)}
	for _, item := range c.Keys {
		name, source, _ := strings.Cut(item, "=")
		text := []byte(source)
		key, err := engine.ParsePublicKey(text)
		if err != nil { // no key itself, so the name of a file with one
			if text, err = os.ReadFile(source); err != nil {
				return policy, fmt.Errorf("modules.signatures.keys: %s is neither a key in base64 nor a file that can be read: %w", name, err)
			}
			if key, err = engine.ParsePublicKey(text); err != nil {
				return policy, fmt.Errorf("modules.signatures.keys: %s, in %s: %w", name, source, err)
			}
		}
		policy.Keys = append(policy.Keys, engine.TrustedKey{Name: name, Key: key})
	}
	return policy, nil
}
