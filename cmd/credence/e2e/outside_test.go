package e2e

import (
	"bytes"
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
	"encoding/json"
	"encoding/pem"
	"hash"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// outsideGuests are the same service in the languages of the SDKs, and what
// builds it.
var outsideGuests = map[string]struct {
	tools []string
	build func(module string) step
}{
	"go": {nil, func(module string) step {
		return step{[]string{"GOOS=wasip1", "GOARCH=wasm"}, []string{"go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", module, "./wasmabi/guest/testdata/outside"}}
	}},
	"c": {[]string{"clang-19", "wasm-ld-19"}, func(module string) step {
		return step{nil, []string{"bash", "wasmabi/guest-c/build.sh", module, "wasmabi/guest-c/testdata/outside.c"}}
	}},
	"rust": {firstServices["guest-rust"].tools, func(module string) step {
		return step{nil, []string{"bash", "wasmabi/guest-rust/build.sh", "wasmabi/guest-rust/testdata/outside.rs", module, "-C", "lto=off", "-C", "opt-level=0"}}
	}},
	"as": {firstServices["guest-as"].tools, func(module string) step {
		return step{nil, []string{"bash", "wasmabi/guest-as/build.sh", "wasmabi/guest-as/testdata/outside.ts", module, "--optimizeLevel", "0"}}
	}},
}

// erp is an external system that answers whoever asks it as it wants.
type erp struct {
	challenge []byte
	asked     atomic.Int32
}

const erpNonce = "a nonce of the ERP, ü"

// erpBody is longer than an SDK reads at once.
var erpBody = strings.Repeat("what the ERP says. ", 2000)

func (e *erp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.asked.Add(1)
	body, _ := io.ReadAll(r.Body)
	if r.Method != http.MethodPost || r.URL.Path != "/devices/SN-1" || r.Header.Get("Authorization") != "Bearer t0p" ||
		r.Header.Get("X-Application") == "" || !bytes.Equal(body, e.challenge) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("X-Nonce", erpNonce)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, erpBody)
}

// Every function of an SDK takes part in one proof, which holds only if each of
// them is right: state, configuration, HTTP with a secret, secrets,
// cryptography, clock, randomness and log.
func TestTheSDKsReachWhatIsOutside(t *testing.T) {
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	signers, keys := outsideSigners(t)
	keys = slices.Concat(key.Public().(ed25519.PublicKey), keys)
	challenge := bytes.Repeat([]byte("challenge"), 700) // longer than an SDK expects a value to be
	var digests []byte
	for _, of := range []func() hash.Hash{sha1.New, sha256.New, sha512.New384, sha512.New} {
		h := of()
		h.Write(slices.Concat([]byte("seen/c"), challenge, challenge, []byte(erpNonce), []byte(erpBody)))
		digests = h.Sum(digests)
	}
	outer := mac(sha256.New, []byte("shared secret"), mac(sha512.New384, keys, digests))
	proof := ed25519.Sign(key, ed25519.Sign(signers["ed25519"].(ed25519.PrivateKey), outer))
	wrong := append(proof[:63:63], proof[63]^1)

	system := &erp{challenge: challenge}
	external := httptest.NewServer(system)
	t.Cleanup(external.Close)
	url := external.URL + "/devices/"
	// Time enough for a busy machine.
	s := newServerIn(t, []string{"CREDENCE_MODULES__HTTP__ALLOWPRIVATE=true", "CREDENCE_MODULES__CALLTIMEOUT=5s"}, "--log-level", "debug")
	secrets := map[string][]byte{"erp-token": []byte("t0p"), "shared": []byte("shared secret")}
	for name, signer := range signers {
		der, err := x509.MarshalPKCS8PrivateKey(signer)
		require.NoError(t, err)
		secrets[name] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	for name, value := range secrets {
		s.must(http.StatusCreated, http.MethodPut, "/v1/secrets/"+name, object{"value": value})
	}

	for language, guest := range outsideGuests {
		t.Run(language, func(t *testing.T) {
			needsTools(t, guest.tools...)
			s := *s
			s.t = t // what fails in one language leaves the others alone
			module := outsideModule(t, guest.build, url)
			app := s.deployOutside(language, module, url)
			s.must(http.StatusCreated, http.MethodPost, app+"/credentials", object{"id": "SN-1", "body": keys})
			judge := func(value []byte) map[string]any {
				t.Helper()
				return s.must(http.StatusOK, http.MethodPost, app+"/verify", object{
					"credentialsId": "SN-1", "proof": object{"type": "signed", "challenge": challenge, "value": value},
				})
			}
			system.asked.Store(0)
			refused := judge(wrong)
			require.Equal(t, "BAD_PROOF", refused["reason"], refused)
			require.Contains(t, refused["detail"], "the proof does not hold")
			accepted := judge(proof)
			require.Equal(t, "ACCEPTED", accepted["decision"], accepted)
			require.GreaterOrEqual(t, system.asked.Load(), int32(2))
			_, reason := s.verify(app, "SN-2")
			require.Equal(t, "NOT_FOUND", reason)
			require.Eventually(t, func() bool {
				return slices.ContainsFunc(strings.Split(s.output(), "\n"), func(line string) bool {
					return strings.Contains(line, "judging SN-1") && strings.Contains(line, "outside-"+language)
				})
			}, 10*time.Second, 20*time.Millisecond, "no record in the log")
		})
	}
	for _, secret := range []string{"t0p", "shared secret"} {
		require.NotContains(t, s.output(), secret)
	}
}

// outsideSigners are the private keys that the service signs with, by the names
// of the secrets, and the public ones that it has to be told.
func outsideSigners(t *testing.T) (signers map[string]crypto.Signer, keys []byte) {
	t.Helper()
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	longer, err := rsa.GenerateKey(rand.Reader, 3072) // its signatures are longer than an SDK expects a result to be
	require.NoError(t, err)
	for _, signer := range []crypto.Signer{p256, longer} {
		der, err := x509.MarshalPKIXPublicKey(signer.Public())
		require.NoError(t, err)
		keys = append(keys, der...)
	}
	return map[string]crypto.Signer{
		"ed25519": ed25519.NewKeyFromSeed([]byte(strings.Repeat("s", ed25519.SeedSize))), "p256": p256, "rsa": longer,
	}, keys
}

// outsideCapabilities is what the service asks for, and what it is granted.
func outsideCapabilities(url string, granted bool) object {
	rule := object{"url": url, "methods": []string{http.MethodPost}}
	if granted {
		rule["allowPrivate"] = true
	}
	return object{
		"kv": object{}, "clock": object{}, "random": object{}, "crypto": object{},
		"http": []any{rule}, "secrets": []string{"erp-token", "shared", "ed25519", "p256", "rsa"},
	}
}

func outsideConfig(url string) object { return object{"erp": url, "patienceMs": 4000, "closed": false} }

// outsideModule builds the service for an ERP at an address.
func outsideModule(t *testing.T, build func(module string) step, url string) []byte {
	t.Helper()
	text := func(v any) string {
		out, err := json.Marshal(v)
		require.NoError(t, err)
		return string(out)
	}
	dir := t.TempDir()
	plain, manifest, packed := filepath.Join(dir, "plain.wasm"), filepath.Join(dir, "manifest.json"), filepath.Join(dir, "packed.wasm")
	require.NoError(t, os.WriteFile(manifest, []byte(text(object{
		"abi": 1, "name": "outside", "version": "1", "capabilities": outsideCapabilities(url, false),
	})), 0o600))
	require.NoError(t, build(plain).run())
	require.NoError(t, step{nil, []string{plainBinary, "module", "pack", "--manifest", manifest, plain, "-o", packed}}.run())
	require.NoError(t, compile(packed, "--config", text(outsideConfig(url)), "--grants", text(outsideCapabilities(url, true))).run())
	wasm, err := os.ReadFile(packed)
	require.NoError(t, err)
	return wasm
}

// deployOutside deploys the service, and returns the path of an application
// that uses it.
func (s *server) deployOutside(language string, module []byte, url string) string {
	s.t.Helper()
	name := "outside-" + language
	digest := s.must(http.StatusCreated, http.MethodPost, "/v1/modules", module)["digest"]
	s.must(http.StatusCreated, http.MethodPut, "/v1/credentials-services/"+name, object{
		"module": digest, "config": outsideConfig(url), "grants": outsideCapabilities(url, true),
	})
	return s.app(name, name)
}

func mac(of func() hash.Hash, key, data []byte) []byte {
	h := hmac.New(of, key)
	h.Write(data)
	return h.Sum(nil)
}
