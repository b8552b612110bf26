package e2e

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Two nodes, of which one runs signed modules only: it keeps an unsigned one
// from being deployed, also through the other.
func TestAStrictNodeRunsNoUnsignedModule(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	dir := t.TempDir()
	write := func(name, kind string, der []byte, err error) string {
		require.NoError(t, err)
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	private := write("private.pem", "PRIVATE KEY", der, err)
	der, err = x509.MarshalPKIXPublicKey(key.Public())
	public := write("public.pem", "PUBLIC KEY", der, err)
	config := filepath.Join(dir, "credence.yaml")
	text := "modules:\n  signatures:\n    policy: required\n    keys: [release=" + public + "]\n"
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))

	e := newEtcd(t)
	lax := newServer(t, "--etcd-endpoints", e.addr)
	strict := newServer(t, "--etcd-endpoints", e.addr, "--config", config)
	wasm, err := os.ReadFile(allowlist)
	require.NoError(t, err)
	digest := lax.must(http.StatusCreated, http.MethodPost, "/v1/modules", wasm)["digest"].(string)
	deploy := object{"module": digest}
	for _, s := range []*server{lax, strict} {
		refused := s.must(http.StatusConflict, http.MethodPut, "/v1/credentials-services/custom", deploy)
		require.Contains(t, refused["detail"], "signed modules only")
	}

	signature := filepath.Join(dir, "allowlist.sig")
	out, err := command("module", "sign", allowlist, "--key", private, "-o", signature).CombinedOutput()
	require.NoError(t, err, "%s", out)
	content, err := os.ReadFile(signature)
	require.NoError(t, err)
	var beside struct {
		Key       string `json:"key"`
		Signature string `json:"signature"`
	}
	require.NoError(t, json.Unmarshal(content, &beside))
	path := "/v1/modules/" + digest
	lax.must(http.StatusOK, http.MethodPut, path+"/signatures/"+beside.Key, object{"signature": beside.Signature})
	require.Equal(t, object{"state": "SIGNED", "key": "release"}, strict.must(http.StatusOK, http.MethodGet, path, nil)["signature"])
	lax.must(http.StatusCreated, http.MethodPut, "/v1/credentials-services/custom", deploy)
	_, reason := strict.verify(strict.app("plant", "custom"), "anybody")
	require.NotContains(t, []any{nil, ""}, reason, "the module has decided")
}
