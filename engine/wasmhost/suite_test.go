package wasmhost

import (
	"testing"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

func TestModulesKeepTheContractOfAService(t *testing.T) {
	for name, wasm := range map[string][]byte{"kv-echo": wattest.Module(t, "kv-echo"), "go": goGuest(t)} {
		var proof func(body string) engine.Proof
		if name == "kv-echo" {
			proof = func(body string) engine.Proof { return engine.Proof{Type: "body", Value: []byte(body)} }
		}
		t.Run(name, func(t *testing.T) {
			enginetest.ServiceSuite(t, func(t *testing.T) enginetest.ServiceFixture {
				t.Helper()
				w := newWorld(t, Options{CacheDir: compiled})
				w.deploy("custom", wasm, engine.ServiceSpec{})
				return enginetest.ServiceFixture{Engine: w.Engine, Service: "custom", Proof: proof}
			})
		})
	}
}
