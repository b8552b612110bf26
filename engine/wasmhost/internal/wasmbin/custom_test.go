package wasmbin

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

func TestAppendCustomAddsOrReplacesTheSection(t *testing.T) {
	wasm := wattest.Module(t, "manifest-twice")
	m, err := Parse(wasm, limits())
	require.NoError(t, err)
	_, _, err = m.Custom("cred.manifest")
	requireRefusal(t, err, Invalid, "occurs twice")

	packed, err := AppendCustom(wasm, "cred.manifest", []byte("first"))
	require.NoError(t, err)
	packed, err = AppendCustom(packed, "other", []byte("kept"))
	require.NoError(t, err)
	packed, err = AppendCustom(packed, "cred.manifest", []byte("second"))
	require.NoError(t, err)

	got, err := Parse(packed, limits())
	require.NoError(t, err)
	require.Len(t, got.Customs, 2)
	payload, ok, err := got.Custom("cred.manifest")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "second", string(payload))
	payload, ok, err = got.Custom("other")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "kept", string(payload))
	_, ok, err = got.Custom("absent")
	require.NoError(t, err)
	require.False(t, ok)
	require.Equal(t, m.Exports, got.Exports)
}

func TestAppendCustomRefusesWhatIsNoModule(t *testing.T) {
	for name, c := range map[string]struct {
		file   []byte
		reason Reason
		text   string
	}{
		"text":      {[]byte("hello"), Malformed, "not WebAssembly"},
		"component": {[]byte("\x00asm\x0d\x00\x01\x00"), Component, "build a core module"},
		"truncated": {append(file(), sectionType, 9), Malformed, "9 bytes, but 0 are left"},
		"bad name":  {file(section(sectionCustom, 1, 0xff)), Malformed, "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := AppendCustom(c.file, "cred.manifest", nil)
			requireRefusal(t, err, c.reason, c.text)
		})
	}
}
