package wasmhost

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

// refusedAtUpload says for each module of testdata that must not even be
// stored what the refusal is and what it names.
var refusedAtUpload = map[string]struct {
	code  engine.Code
	names string
}{
	"atomics":          {engine.CodeInvalid, "offset 0x"},
	"command":          {engine.CodeInvalid, "build a reactor"},
	"exceptions":       {engine.CodeInvalid, "offset 0x"},
	"export-signature": {engine.CodeInvalid, "(i32) -> (i64): it must have (i32) -> (i32)"},
	"import-global":    {engine.CodeInvalid, "offset 0x"},
	"import-refuel":    {engine.CodeInvalid, `"meter" "refuel" (at byte offset 0x`},
	"import-signature": {engine.CodeInvalid, `"cred_v1" "input_read" (at byte offset 0x`},
	"import-table":     {engine.CodeInvalid, "offset 0x"},
	"import-unknown":   {engine.CodeInvalid, `"cred_v1" "read_all_the_secrets" (at byte offset 0x`},
	"manifest-field":   {engine.CodeInvalid, `the member "sudo" is unknown`},
	"manifest-http":    {engine.CodeInvalid, `http/0: the url "http://2130706433/": the host is an address in an unusual form`},
	"manifest-json":    {engine.CodeInvalid, "at byte offset 0x"},
	"manifest-twice":   {engine.CodeInvalid, `"cred.manifest" occurs twice`},
	"memory-64":        {engine.CodeInvalid, "offset 0x"},
	"memory-hidden":    {engine.CodeInvalid, "offset 0x"},
	"memory-imported":  {engine.CodeInvalid, "offset 0x"},
	"memory-large":     {engine.CodeTooLarge, "offset 0x"},
	"memory-none":      {engine.CodeInvalid, "offset 0x"},
	"memory-shared":    {engine.CodeInvalid, "offset 0x"},
	"memory-two":       {engine.CodeTooLarge, "offset 0x"},
	"no-lookup":        {engine.CodeInvalid, "lookup_credentials"},
	"no-marker":        {engine.CodeInvalid, "cred_abi_v1"},
	"table-large":      {engine.CodeTooLarge, "offset 0x"},
	"tables-many":      {engine.CodeTooLarge, "offset 0x"},
	"tail-call":        {engine.CodeInvalid, "offset 0x"},
	"undeclared-kv":    {engine.CodeInvalid, `"cred_v1" "kv_get"`},
	"wasi-file":        {engine.CodeInvalid, `"wasi_snapshot_preview1" "path_open"`},
}

func TestModulesAreRefusedAtUploadWithTheReason(t *testing.T) {
	r := newRuntime(t, Options{})
	for name, want := range refusedAtUpload {
		t.Run(name, func(t *testing.T) {
			_, err := r.Inspect(t.Context(), wattest.Module(t, name))
			e := failure(t, want.code, err)
			require.Contains(t, e.Message, want.names)
		})
	}
}

func TestEveryTestModuleHasAnExpectedOutcome(t *testing.T) {
	others := []string{
		"operations", "segments", "simd", "sum", "host-any", "http-get", "init-flaky", "memory-hungry", "recurse-deep", "straddle", "vendor-token",
	} // with tests of their own
	for _, name := range wattest.Names(t) {
		_, upload := refusedAtUpload[name]
		_, trial := refusedOnTrial[name]
		_, call := outcomes[name]
		require.True(t, upload || trial || call || slices.Contains(others, name), "%s is in no table", name)
	}
}

func TestBytesThatAreNoModuleAreRefused(t *testing.T) {
	r := newRuntime(t, Options{})
	whole := tiny(t)
	for name, c := range map[string]struct {
		wasm []byte
		code engine.Code
	}{
		"nothing":   {nil, engine.CodeInvalid},
		"text":      {[]byte("#!/bin/sh\n"), engine.CodeInvalid},
		"truncated": {whole[:len(whole)/2], engine.CodeInvalid},
		"component": {[]byte("\x00asm\x0d\x00\x01\x00"), engine.CodeInvalid},
		"too large": {make([]byte, 8<<20+1), engine.CodeTooLarge},
	} {
		_, err := r.Inspect(t.Context(), c.wasm)
		e := failure(t, c.code, err)
		require.Regexp(t, "offset 0x", e.Message, name)
	}
}

func TestManifestsAreReadStrictly(t *testing.T) {
	r := newRuntime(t, Options{})
	for manifest, names := range map[string]string{
		`{"abi":1,"name":"x","version":"1"}`:                             "",
		` {"abi":1,"name":"x","version":"1","configSchema":{"a":[1]}} `:  "",
		`{"abi":1,"name":"x","version":"1","capabilities":{"kv": { } }}`: "",
		``:                                      "not a JSON object",
		`[]`:                                    "not a JSON object",
		`{"abi":1,"name":"x"`:                   "not valid JSON",
		`{"abi":1,"name":"x","version":"1"} {}`: "follows",
		`{"abi":2,"name":"x","version":"1"}`:    `"abi" must be 1`,
		`{"name":"x","version":"1"}`:            `"abi" must be 1`,
		`{"abi":1,"version":"1"}`:               `"name" is required`,
		`{"abi":1,"name":"x"}`:                  `"version" is required`,
		`{"abi":1,"name":"x","version":"1","ABI":1}`:                                             `"ABI" is unknown`,
		`{"abi":1,"name":"x","name":"y","version":"1"}`:                                          `"name" occurs twice`,
		`{"abi":1,"name":"x","na\u006de":"y","version":"1"}`:                                     `"name" occurs twice`,
		`{"abi":"1","name":"x","version":"1"}`:                                                   `"abi"`,
		`{"abi":1,"name":"x\u001b[2J","version":"1"}`:                                            "control characters",
		"{\"abi\":1,\"name\":\"\xff\",\"version\":\"1\"}":                                        "UTF-8",
		`{"abi":1,"name":"` + strings.Repeat("x", 129) + `","version":"1"}`:                      `"name" is required, with 1 to 128 bytes`,
		`{"abi":1,"name":"x","version":"1","description":"` + strings.Repeat("x", 16<<10) + `"}`: "16384",
		`{"abi":1,"name":"x","version":"1","configSchema":[]}`:                                   "configSchema",
		`{"abi":1,"name":"x","version":"1","capabilities":[]}`:                                   "capabilities",
		`{"abi":1,"name":"x","version":"1","capabilities":{"root":{}}}`:                          `"root" is unknown`,
		`{"abi":1,"name":"x","version":"1","capabilities":{"kv":{},"kv":{}}}`:                    `"kv" occurs twice`,
		`{"abi":1,"name":"x","version":"1","capabilities":{"kv":{"all":true}}}`:                  `"kv" must be {}`,
		`{"abi":1,"name":"x","version":"1","capabilities":{"crypto":1}}`:                         `"crypto" must be {}`,
		`{"abi":1,"name":"x","version":"1","capabilities":{"secrets":["a b"]}}`:                  `"a b" is no name of a secret`,
		`{"abi":1,"name":"x","version":"1","limits":{"memoryPages":-1}}`:                         "negative",
		`{"abi":1,"name":"x","version":"1","limits":{"memoryPages":4097}}`:                       "at most 4096",
		`{"abi":1,"name":"x","version":"1","limits":{"memoryPages":1e99}}`:                       "memoryPages",
		`{"abi":1,"name":"x","version":"1","limits":{"cpu":1}}`:                                  `"cpu" is unknown`,
	} {
		_, err := r.Inspect(t.Context(), withManifest(t, tiny(t), manifest))
		if names == "" {
			require.NoError(t, err, manifest)
		} else {
			require.ErrorContains(t, err, names, manifest)
		}
	}
}

func TestInspectSaysWhatAModuleIs(t *testing.T) {
	r := newRuntime(t, Options{})
	m, err := r.Inspect(t.Context(), wattest.Module(t, "kv-echo"))
	require.NoError(t, err)
	require.JSONEq(t, `{"abi":1,"name":"kv-echo","version":"1.0.0","capabilities":{"kv":{}}}`, string(m.Manifest))
	m.Manifest = nil
	require.Equal(t, engine.Module{
		ABI: 1, Name: "kv-echo", Release: "1.0.0", Capabilities: []string{"kv"},
		Methods: []string{"lookup_credentials", "provide_credentials", "mark_credentials_in_use", "mark_credentials_revoked", "verify_proof"},
	}, m)
}

func FuzzInspect(f *testing.F) {
	for _, name := range []string{"kv-echo", "manifest-http", "import-signature"} {
		f.Add(wattest.Module(f, name))
	}
	r := newRuntime(f, Options{})
	f.Fuzz(func(t *testing.T, wasm []byte) {
		m, err := r.Inspect(t.Context(), wasm)
		if err != nil {
			require.Contains(t, []engine.Code{engine.CodeInvalid, engine.CodeTooLarge, engine.CodeInvalid}, engine.CodeOf(err))
			return
		}
		require.Contains(t, m.Methods, "lookup_credentials")
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"abi":1,"name":"x","version":"1","capabilities":{"kv":{}},"limits":{"memoryPages":1}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := readManifest(raw)
		if err == nil {
			require.NotEmpty(t, m.name)
			require.NotContains(t, m.name+m.version, "\x1b")
		}
	})
}
