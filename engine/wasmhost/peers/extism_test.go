package peers

import (
	"context"
	"testing"

	extism "github.com/extism/go-sdk"
)

// extismSDK is a plug-in of the Extism Go SDK, in Go.
func extismSDK(tb testing.TB) asked {
	tb.Helper()
	ctx := context.Background()
	p, err := extism.NewPlugin(ctx, extism.Manifest{Wasm: []extism.Wasm{extism.WasmFile{Path: guest(tb, "extism")}}},
		extism.PluginConfig{EnableWasi: true}, nil)
	fatal(tb, err)
	tb.Cleanup(func() { fatal(tb, p.Close(ctx)) })
	request := []byte(application + " " + id)
	return func() ([]byte, error) {
		_, got, err := p.Call("lookup", request)
		return got, err
	}
}
