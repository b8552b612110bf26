package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/credence-engine/credence/engine"
)

// detached is a signature beside its module: the content of FILE.wasm.sig.
type detached struct {
	Module    engine.Digest       `json:"module"`
	Key       engine.SigningKeyID `json:"key"`
	Signature []byte              `json:"signature"`
}

// readSignature reads a file that module sign wrote, for this module.
func readSignature(w *world, path string, wasm []byte) (detached, error) {
	content, err := readInput(w, path)
	if err != nil {
		return detached{}, err
	}
	return parseSignature(path, content, wasm)
}

// parseSignature reads the content of such a file.
func parseSignature(path string, content, wasm []byte) (detached, error) {
	var d detached
	in := json.NewDecoder(bytes.NewReader(content))
	in.DisallowUnknownFields()
	if err := in.Decode(&d); err != nil || d.Key == "" || len(d.Signature) == 0 {
		return d, fmt.Errorf("%s holds no signature: it should be a file that credence module sign wrote", path)
	}
	if digest := engine.DigestOf(wasm); d.Module != digest {
		return d, fmt.Errorf("%s is the signature of another module, %.71q: this one is %s", path, string(d.Module), digest)
	}
	return d, nil
}
