package wasmhost

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine/wasmhost/internal/wasmbin"
	"github.com/credence-engine/credence/wasmabi"
)

// emptyModule is the shortest module that there is: the magic and the version.
var emptyModule = []byte("\x00asm\x01\x00\x00\x00")

func TestPackReplacesTheManifest(t *testing.T) {
	before := bytes.Clone(emptyModule)
	first, err := Pack(emptyModule, []byte(`{"abi":1,"name":"a","version":"1.0.0"}`))
	require.NoError(t, err)
	second := []byte(`{"abi":1,"name":"b","version":"2.0.0","capabilities":{"kv":{}}}`)
	packed, err := Pack(first, second)
	require.NoError(t, err)

	want, err := wasmbin.AppendCustom(emptyModule, wasmabi.ManifestSection, second)
	require.NoError(t, err)
	require.Equal(t, want, packed, "one manifest, the second")
	require.Equal(t, before, emptyModule, "what was given is not changed")
}

func TestPackRefusesWhatAnUploadWouldRefuse(t *testing.T) {
	const good = `{"abi":1,"name":"a","version":"1.0.0"}`
	for name, c := range map[string]struct {
		wasm     []byte
		manifest string
		says     string
	}{
		"no JSON":           {emptyModule, "abi: 1", "the manifest cannot be used"},
		"unknown member":    {emptyModule, `{"abi":1,"name":"a","version":"1","colour":"red"}`, "colour"},
		"no name":           {emptyModule, `{"abi":1,"version":"1"}`, "name"},
		"another ABI":       {emptyModule, `{"abi":2,"name":"a","version":"1"}`, "abi"},
		"not a rule":        {emptyModule, `{"abi":1,"name":"a","version":"1","capabilities":{"http":["https://a.example/"]}}`, "http/0"},
		"no module":         {[]byte("hello, module"), good, "the module cannot be packed"},
		"a cut module":      {emptyModule[:6], good, "the module cannot be packed"},
		"an empty file":     {nil, good, "the module cannot be packed"},
		"a cut section":     {append(bytes.Clone(emptyModule), 0, 200), good, "the module cannot be packed"},
		"manifest too long": {emptyModule, `{"abi":1,"name":"a","version":"1","description":"` + string(bytes.Repeat([]byte("x"), wasmabi.MaxManifestBytes)) + `"}`, "at most 16384"},
	} {
		t.Run(name, func(t *testing.T) {
			packed, err := Pack(c.wasm, []byte(c.manifest))
			require.ErrorContains(t, err, c.says)
			require.Nil(t, packed)
		})
	}
}
