package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/rest"
	"github.com/credence-engine/credence/engine/wasmhost"
)

// bareModule is about the smallest module that can serve: it knows nobody.
const bareModule = "\x00asm\x01\x00\x00\x00" +
	"\x01\x09\x02\x60\x00\x00\x60\x01\x7f\x01\x7f" + // types: () -> (), (i32) -> (i32)
	"\x03\x03\x02\x00\x01" + // a function of each
	"\x05\x03\x01\x00\x01" + // a memory of one page
	"\x07\x2d\x03\x06memory\x02\x00\x0bcred_abi_v1\x00\x00\x12lookup_credentials\x00\x01" +
	"\x0a\x09\x02\x02\x00\x0b\x04\x00\x41\x03\x0b" // nothing; answer 3, NOT_FOUND

const bareManifest = `{"abi":1,"name":"bare","version":"1.2.3","capabilities":{"kv":{},"clock":{}}}`

// packed is the module with the manifest, as an author would make it.
func packed(t *testing.T) string {
	t.Helper()
	path := file(t, "bare.wasm", bareModule)
	r := credence(t, nil, "", "module", "pack", path, "--manifest", file(t, "manifest.json", bareManifest), "-o", path)
	require.Equal(t, exitDone, r.code, r.stderr)
	return path
}

// withModules gives a site the sandbox.
func withModules(t *testing.T) func(*engine.Options, *rest.Options) {
	t.Helper()
	return func(o *engine.Options, _ *rest.Options) {
		runtime, err := wasmhost.New(t.Context(), wasmhost.Options{})
		require.NoError(t, err)
		t.Cleanup(runtime.Close)
		o.Runtime = runtime
	}
}

// newCustomSite is a site with a service of its own, named custom.
func newCustomSite(t *testing.T) *site {
	t.Helper()
	s := newSite(t, withModules(t))
	digest := line(t, s.must(t, "module", "upload", packed(t)), "digest")
	s.must(t, "service", "deploy", "custom", "--module", digest)
	return s
}
