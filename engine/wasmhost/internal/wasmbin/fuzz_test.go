package wasmbin

import (
	"bytes"
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"

	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

// seed adds every source as a starting point.
func seed(f *testing.F) {
	for _, name := range wattest.Names(f) {
		f.Add(wattest.Module(f, name))
	}
	f.Add(withCode(opEnd))
	f.Add([]byte("\x00asm\x0d\x00\x01\x00"))
}

// FuzzParse: any bytes are read or refused with an *Error, without a panic and
// without taking memory that the input does not account for.
func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, wasm []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := Parse(wasm, DefaultLimits())
		runtime.ReadMemStats(&after)
		// The largest element, a function body, takes 72 bytes for 3.
		taken := after.TotalAlloc - before.TotalAlloc
		require.Less(t, taken, uint64(128*len(wasm)+64<<10), "for %d bytes", len(wasm))
		if err != nil {
			var refusal *Error
			require.ErrorAs(t, err, &refusal)
			require.NotZero(t, refusal.Reason)
			require.NotEmpty(t, refusal.Detail)
			require.LessOrEqual(t, refusal.Offset, len(wasm))
			require.Nil(t, m)
		}
		if packed, err := AppendCustom(wasm, "cred.manifest", []byte("{}")); err == nil {
			require.True(t, bytes.HasSuffix(packed, []byte("{}")))
		}
	})
}

// FuzzInstrument: what wazero compiles before, and the parser accepts, it
// compiles after; and what it refuses before, it refuses after, so that an
// index that the rewriter appended cannot make a module valid. Input that is no
// module is taken as the code of a function.
func FuzzInstrument(f *testing.F) {
	seed(f)
	f.Add([]byte{opI64Const, 0, opGlobalSet, 2, opEnd})
	f.Add([]byte{opLoop, emptyBlock, opI32Const, 1, 0x0d, 0, opEnd, opCall, 0, opEnd})
	f.Add([]byte{opI32Const, 0, opI32Const, 0, opI32Const, 9, opMisc, miscMemoryFill, 0, opEnd})
	f.Add([]byte{opRefFunc, 0, opI32Const, 3, opMisc, miscTableGrow, 0, 0x1a, opEnd})
	f.Add([]byte{opI32Const, 0, opVector, 0x0f, opVector, 0x80, 1, opVector, 0x15, 3, 0x1a, opEnd})
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithMemoryLimitPages(options().MemoryPages))
	f.Cleanup(func() { _ = r.Close(ctx) })
	f.Fuzz(func(t *testing.T, wasm []byte) {
		if len(wasm) > 64<<10 {
			t.Skip("large inputs take long to compile and show nothing more")
		}
		if !bytes.HasPrefix(wasm, []byte("\x00asm")) {
			wasm = everything(wasm)
		}
		m, err := Parse(wasm, limits())
		if err != nil || len(m.Customs) > 0 { // which wazero refuses if they are empty, and the rewriter drops
			return
		}
		out, err := Instrument(m, options())
		if err != nil {
			return
		}
		before, errBefore := r.CompileModule(ctx, wasm)
		after, errAfter := r.CompileModule(ctx, out)
		if errBefore == nil {
			require.NoError(t, errAfter)
			require.NoError(t, before.Close(ctx))
		}
		if errAfter == nil {
			require.NoError(t, errBefore)
			require.NoError(t, after.Close(ctx))
		}
	})
}
