package e2e

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// outside builds a service that uses whatever is outside of its own state, with
// the SDK of a language.
func outside(t *testing.T, build step, plain string) string {
	t.Helper()
	require.NoError(t, build.run())
	manifest, packed := filepath.Join(filepath.Dir(plain), "manifest.json"), plain+".packed"
	require.NoError(t, os.WriteFile(manifest, []byte(`{"abi": 1, "name": "outside", "version": "1", "capabilities": {
		"http": [{"url": "https://erp.example.com/devices/"}], "secrets": ["erp-token", "shared", "signer"], "crypto": {}
	}}`), 0o600))
	require.NoError(t, step{nil, []string{compiler, "module", "pack", "--manifest", manifest, plain, "-o", packed}}.run())
	return packed
}

// Every function of an SDK for external systems, secrets and cryptography takes
// part in one proof, which holds only if each of them is right.
func TestTheSDKsReachWhatIsOutside(t *testing.T) {
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	signer := ed25519.NewKeyFromSeed([]byte(strings.Repeat("s", ed25519.SeedSize)))
	public := []byte(key.Public().(ed25519.PublicKey))
	digest := sha256.Sum256([]byte("what the ERP says"))
	outer := mac([]byte("shared secret"), mac(public, digest[:]))
	proof := ed25519.Sign(key, ed25519.Sign(signer, outer))

	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	require.NoError(t, err)
	args := []string{
		"--secret", "erp-token=@" + write("erp-token", []byte("t0p")),
		"--secret", "shared=@" + write("shared", []byte("shared secret")),
		"--secret", "signer=@" + write("signer", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"--http", write("http.json", []byte(`[{"method": "GET", "url": "https://erp.example.com/devices/*", "status": 200, "body": "what the ERP says"}]`)),
	}
	judge := func(module string, proof []byte) (string, error) {
		input, err := json.Marshal(object{"id": "SN-1", "body": public, "proof": object{"type": "signed", "value": proof}})
		require.NoError(t, err)
		out, err := exec.Command(compiler, append([]string{"module", "run", "verify-proof", module, "--input", string(input)}, args...)...).CombinedOutput()
		return string(out), err
	}

	for language, build := range map[string]func(t *testing.T, out string) step{
		"Go": func(_ *testing.T, out string) step {
			return step{[]string{"GOOS=wasip1", "GOARCH=wasm"}, []string{"go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, "./wasmabi/guest/testdata/outside"}}
		},
		"C": func(t *testing.T, out string) step {
			requireTool(t, "clang-19")
			return step{nil, []string{"bash", "wasmabi/guest-c/build.sh", out, "wasmabi/guest-c/testdata/outside.c"}}
		},
	} {
		t.Run(language, func(t *testing.T) {
			plain := filepath.Join(t.TempDir(), "outside.wasm")
			module := outside(t, build(t, plain), plain)
			out, err := judge(module, proof)
			require.NoError(t, err, out)
			out, err = judge(module, append(proof[:63:63], proof[63]^1))
			require.Error(t, err)
			require.Contains(t, out, "the proof does not hold")
		})
	}
}

func mac(key, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(data)
	return h.Sum(nil)
}

// requireTool skips the test when a compiler is missing, unless the environment
// says that none may be.
func requireTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	if os.Getenv("REQUIRE_TOOLCHAINS") == "1" {
		t.Fatalf("%s is missing; 'make toolchains' installs it", name)
	}
	t.Skipf("SKIPPED: %s is missing; 'make toolchains' installs it (REQUIRE_TOOLCHAINS=1 fails instead)", name)
}
