package wasmbin

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

func TestAnOutlineCoversTheFile(t *testing.T) {
	for _, name := range []string{"kv-echo", "tail-call", "segments"} {
		wasm, err := AppendCustom(wattest.Module(t, name), "note", []byte("hello"))
		require.NoError(t, err)
		at := 8
		all := Outline(wasm)
		for _, s := range all {
			require.Equal(t, at, s.Offset)
			at += s.Size
		}
		require.Len(t, wasm, at)
		require.Equal(t, `"note"`, all[len(all)-1].Name)
		require.Len(t, Outline(wasm[:len(wasm)-1]), len(all)-1, "up to the damage")
	}
	require.Empty(t, Outline([]byte("text")))
}
