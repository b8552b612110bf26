package wasmhost

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// goGuest returns a service in Go that uses all that the SDK offers, built
// from the sources of package guest's own tests.
func goGuest(tb testing.TB) []byte {
	tb.Helper()
	wasm, err := builtGoGuest()
	require.NoError(tb, err)
	return withManifest(tb, wasm, `{"abi":1,"name":"full","version":"1.2.3","capabilities":{"kv":{},"clock":{},"random":{}}}`)
}

var builtGoGuest = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "guest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "full.wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, "../../wasmabi/guest/testdata/full")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	return os.ReadFile(out)
})
