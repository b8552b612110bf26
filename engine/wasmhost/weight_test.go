//go:build !race

package wasmhost

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

// The race detector slows the compiler tenfold and keeps memory of its own: this
// file is left out then.

// A stack that overflowed goes back (case D7).
func TestADeepStackGoesBackToTheSystem(t *testing.T) {
	w := newWorld(t, Options{Limits: Limits{CallTimeout: time.Second}})
	s := w.serving("recurse-forever")
	before := resident(t)
	for i := range 4 {
		err := w.call(s, &engine.Application{ID: engine.ApplicationID(fmt.Sprint(i))}, lookup)
		require.Contains(t, []engine.Code{engine.CodeModuleFault, engine.CodeDeadline}, engine.CodeOf(err))
	}
	require.Eventually(t, func() bool { return resident(t) < before+48<<20 }, soon, 50*time.Millisecond)
}

// Modules that are at the limits, and not beyond, are taken, and what they
// need goes back.
func TestLargeModulesThatKeepTheLimitsServe(t *testing.T) {
	for name, wasm := range map[string][]byte{
		"20000 functions":      wattest.Service(slicesOf(20_000, wattest.Body(0))...),
		"loops and variables":  wattest.Service(slicesOf(3, wattest.Body(1000, bytes.Repeat(emptyLoop, 1000)))...),
		"8192 targets":         wattest.Service(wattest.Body(0, []byte{0x41, 0, 0x0e}, wattest.Vector(8192, make([]byte, 8192)), []byte{0})),
		"4000 blocks in depth": wattest.Service(wattest.Body(0, nested(4000, 0x02))),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRuntime(t, Options{CacheDir: t.TempDir(), Compiler: compilerOf(asCompiler)})
			before := resident(t)
			s, err := start(t, r, "s", wasm)
			require.NoError(t, err)
			s.Close()

			require.Less(t, resident(t), before+96<<20, "after a module of %d bytes", len(wasm))
		})
	}
}

func slicesOf(n int, one []byte) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = one
	}
	return all
}
