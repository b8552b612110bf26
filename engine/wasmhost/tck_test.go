package wasmhost

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"hash"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
	"github.com/credence-engine/credence/wasmabi"
)

// tckKeys are key pairs of all kinds, the private ones as secrets, and what
// they sign.
type tckKeys struct {
	private      map[string][]byte
	public, sign map[string]string // in hexadecimal
}

func newTckKeys(tb testing.TB) tckKeys {
	tb.Helper()
	k := tckKeys{private: map[string][]byte{}, public: map[string]string{}, sign: map[string]string{}}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(tb, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	modulus, err := rsa.GenerateKey(rand.Reader, wasmabi.MinRSABits)
	require.NoError(tb, err)
	digest := sha256.Sum256([]byte("data"))
	for name, key := range map[string]crypto.Signer{"ed25519": edwards, "p256": curve, "rsa": modulus} {
		private, err := x509.MarshalPKCS8PrivateKey(key)
		require.NoError(tb, err)
		k.private["key-"+name] = private
		public, err := x509.MarshalPKIXPublicKey(key.Public())
		require.NoError(tb, err)
		message, options := digest[:], crypto.SignerOpts(crypto.SHA256)
		if name == "ed25519" {
			message, options = []byte("data"), crypto.Hash(0)
			k.public["ed25519raw"] = hex.EncodeToString(edwards.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // it is one
		}
		signed, err := key.Sign(rand.Reader, message, options)
		require.NoError(tb, err)
		k.public[name], k.sign[name] = hex.EncodeToString(public), hex.EncodeToString(signed)
	}
	k.sign["ed25519raw"] = k.sign["ed25519"]
	k.private["key-p256"] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k.private["key-p256"]})
	return k
}

const tckSecret = "a shared secret of the tck"

// tckServer is the system that the guest asks.
func tckServer(tb testing.TB) string {
	tb.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/ok":
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("X-Answer", "yes")
			_, _ = io.WriteString(w, r.Method+" "+strings.TrimPrefix(r.URL.String(), "/api")+" "+string(body))
		case "/api/moved":
			http.Redirect(w, r, "/api/ok", http.StatusFound)
		case "/api/long":
			_, _ = w.Write(make([]byte, wasmabi.MaxBodyBytes+1))
		case "/api/secret":
			w.WriteHeader(map[bool]int{true: http.StatusNoContent, false: http.StatusForbidden}[r.Header.Get("Authorization") == "Bearer "+tckSecret])
		case "/api/header":
			_, _ = io.WriteString(w, r.Header.Get("X-Own"))
		default:
			http.NotFound(w, r)
		}
	}))
	tb.Cleanup(s.Close)
	return s.URL
}

// tckRounds are the operations of the guest, in their order: those that need
// what an earlier one left behind come after it.
var tckRounds = map[string][]string{
	wasmabi.ImportKvGet:        {"kv_get"},
	wasmabi.ImportKvPut:        {"kv_put"},
	wasmabi.ImportKvDelete:     {"kv_delete"},
	wasmabi.ImportKvScan:       {"kv_scan", "kv_later", "outside"},
	wasmabi.ImportCryptoVerify: {"crypto_verify", "crypto_quota"},
	wasmabi.ImportHTTPCall:     {"http_call", "http_refused", "http_headers", "http_quota"},
	wasmabi.ImportResultRead:   {"result_read", "result_read"},
}

// Each function of the ABI, called by a guest of its own in the engine itself:
// with state in a store, an HTTP server and secrets.
func TestTheHostKeepsTheContractFunctionByFunction(t *testing.T) {
	keys := newTckKeys(t)
	url, private := tckServer(t), tckServer(t)
	vault := func(_ context.Context, name string) ([]byte, error) {
		switch value, found := keys.private[name]; {
		case found:
			return value, nil
		case name == "shared" || name == "other":
			return []byte(tckSecret), nil
		}
		return nil, engine.ErrNotFound
	}
	w := newWorld(t, Options{CacheDir: compiled, Secrets: vault, Ceiling: Ceiling{AllowPrivate: true}})
	asked := `"kv":{},"clock":{},"random":{},"crypto":{},"secrets":["shared","absent","key-ed25519","key-p256","key-rsa"]`
	wasm := withManifest(t, wattest.GoModule(t, "tck"), `{"abi":1,"name":"tck","version":"1","capabilities":{`+asked+
		`,"http":[{"url":"`+url+`/api/","methods":["GET","POST"]},{"url":"`+private+`/"}]}}`)
	expected := map[string]string{}
	for name, h := range map[string]func() hash.Hash{"sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New, "sha1": sha1.New} {
		mac := hmac.New(h, []byte(tckSecret))
		mac.Write([]byte("data"))
		expected[name] = hex.EncodeToString(mac.Sum(nil))
	}
	config, err := json.Marshal(map[string]any{
		"url": url + "/api", "private": private, "expected": expected, "keys": keys.public, "signed": keys.sign, "text": "größe \"quoted\"",
	})
	require.NoError(t, err)
	w.deploy("tck", wasm, engine.ServiceSpec{
		Config: config,
		Grants: []byte(`{` + asked + `,"http":[` + rule(url+"/api/", true, "GET", "POST") + `,` + rule(private+"/", false) + `]}`),
	})
	app := w.app("tck")

	total := 0
	for _, function := range wasmabi.Imports() {
		rounds := tckRounds[function.Name]
		if rounds == nil {
			rounds = []string{function.Name}
		}
		t.Run(function.Name, func(t *testing.T) {
			w := w.in(t)
			for _, round := range rounds {
				require.NoError(t, w.provision(app, engine.CredentialsID(round)), "%s", round)
				total++
			}
			require.NotEmpty(t, w.log.lines("module log", "tck "+function.Name+": ", " checks, 0 wrong"))
		})
	}
	require.Greater(t, total, len(wasmabi.Imports()))
	t.Run("a reason of error_write", func(t *testing.T) {
		_, err := w.in(t).verify(app, "device")
		require.NoError(t, err)
		s := w.runtime.service("tck")
		require.Equal(t, "the last reason holds", failure(t, engine.CodeDenied, w.in(t).call(s, &engine.Application{ID: app}, markInUse)).Message)
	})
	require.NotEmpty(t, w.log.lines("module log", "level=ERROR", "a record of the tck", "request=req-1"))
	require.Empty(t, w.log.lines(tckSecret), "a secret came into the log")
}
