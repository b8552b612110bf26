package engine_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

// signer is a key of a test, always the same for one seed.
func signer(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func trusted(name string, seed byte) engine.TrustedKey {
	return engine.TrustedKey{Name: name, Key: signer(seed).Public().(ed25519.PublicKey)}
}

// node is a node of a cluster that shares the modules of w.
func (w *world) node(policy engine.SignaturePolicy, log *bytes.Buffer) *world {
	w.t.Helper()
	n := &world{t: w.t, store: w.store, runtime: w.runtime, now: w.now}
	n.Engine = engine.New(engine.Options{
		Store: w.store, Runtime: w.runtime, Signatures: policy, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	w.t.Cleanup(n.Close)
	return n
}

func TestANodeThatRequiresSignaturesRunsNothingElse(t *testing.T) {
	required := engine.SignaturePolicy{Mode: engine.SignaturesRequired, Keys: []engine.TrustedKey{trusted("release", 1), trusted("next", 2)}}
	for name, test := range map[string]struct {
		sign  func(digest, other engine.Digest) []engine.Signature
		state engine.SignatureState
		words string
	}{
		"absent": {nil, engine.Unsigned, "is not signed"},
		"good": {func(d, _ engine.Digest) []engine.Signature {
			return []engine.Signature{engine.SignModule(signer(1), d)}
		}, engine.Signed, ""},
		"wrong key": {func(d, _ engine.Digest) []engine.Signature {
			return []engine.Signature{engine.SignModule(signer(9), d)}
		}, engine.BadSignature, "does not trust"},
		"damaged": {func(d, _ engine.Digest) []engine.Signature {
			s := engine.SignModule(signer(1), d)
			s.Value[7] ^= 1
			return []engine.Signature{s}
		}, engine.BadSignature, "does not fit its bytes"},
		"of another module": {func(_, other engine.Digest) []engine.Signature {
			return []engine.Signature{engine.SignModule(signer(1), other)}
		}, engine.BadSignature, "does not fit its bytes"},
		"under the id of a trusted key": {func(d, _ engine.Digest) []engine.Signature {
			s := engine.SignModule(signer(9), d)
			s.Key = engine.SigningKeyIDOf(trusted("", 1).Key)
			return []engine.Signature{s}
		}, engine.BadSignature, "does not fit its bytes"},
		"of the bare digest": {func(d, _ engine.Digest) []engine.Signature {
			return []engine.Signature{{Key: engine.SigningKeyIDOf(trusted("", 1).Key), Value: ed25519.Sign(signer(1), []byte(d))}}
		}, engine.BadSignature, "does not fit its bytes"},
		"one good among others": {func(d, _ engine.Digest) []engine.Signature {
			return []engine.Signature{engine.SignModule(signer(9), d), engine.SignModule(signer(2), d)}
		}, engine.Signed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			careless := newWorld(t) // takes any module, and any signature
			digest, other := careless.upload(&script{lookup: always(engine.Available)}), careless.upload(&script{lookup: always(engine.Available)})
			if test.sign != nil {
				for _, s := range test.sign(digest, other) {
					_, err := careless.AddSignature(t.Context(), admin, digest, s)
					require.NoError(t, err)
				}
			}
			_, err := careless.DeployService(t.Context(), admin, "custom", engine.ServiceSpec{Module: digest}, engine.DeployOptions{})
			require.NoError(t, err, "there is no policy here")
			app := careless.app("custom")
			require.True(t, careless.verify(app, "x", "ep").Accepted)

			strict := careless.node(required, &bytes.Buffer{})
			m, err := strict.Module(t.Context(), digest)
			require.NoError(t, err)
			require.Equal(t, test.state, strict.Vouching(m).State)
			v, err := strict.Verify(t.Context(), admin, app, engine.VerifyRequest{CredentialsID: "x", EndpointID: "ep"})
			_, deployed := strict.DeployService(t.Context(), admin, "again", engine.ServiceSpec{Module: digest}, engine.DeployOptions{})
			if test.state == engine.Signed {
				require.NoError(t, err)
				require.True(t, v.Accepted)
				require.NoError(t, deployed)
				return
			}
			require.Contains(t, strict.Vouching(m).Detail, test.words)
			requireCode(t, engine.CodeModuleFault, err)
			require.Contains(t, err.Error(), test.words)
			require.False(t, v.Accepted, "whoever activated it, it does not run here")
			requireCode(t, engine.CodeConflict, deployed)
			require.Contains(t, deployed.Error(), "credence module sign")
			_, err = strict.Service(t.Context(), "again")
			requireCode(t, engine.CodeNotFound, err)
		})
	}
}

func TestANodeThatWarnsRunsAndLogs(t *testing.T) {
	w := newWorld(t)
	digest := w.upload(&script{lookup: always(engine.Available)})
	var log bytes.Buffer
	warning := w.node(engine.SignaturePolicy{Mode: engine.SignaturesWarn, Keys: []engine.TrustedKey{trusted("release", 1)}}, &log)
	_, err := warning.DeployService(t.Context(), admin, "custom", engine.ServiceSpec{Module: digest}, engine.DeployOptions{})
	require.NoError(t, err)
	require.Contains(t, log.String(), "level=WARN")
	require.Contains(t, log.String(), "signature=UNSIGNED")
	log.Reset()
	_, err = warning.AddSignature(t.Context(), admin, digest, engine.SignModule(signer(1), digest))
	require.NoError(t, err)
	_, err = warning.DeployService(t.Context(), admin, "custom", engine.ServiceSpec{Module: digest}, engine.DeployOptions{})
	require.NoError(t, err)
	require.NotContains(t, log.String(), "level=WARN")
}

func TestBytesThatWereChangedInTheStoreDoNotRun(t *testing.T) {
	w := newWorld(t)
	digest := w.upload(&script{text: "the signed module", lookup: always(engine.Available)})
	w.runtime.add(&script{text: "the forged module", lookup: always(engine.Available)})
	strict := w.node(engine.SignaturePolicy{Mode: engine.SignaturesRequired, Keys: []engine.TrustedKey{trusted("release", 1)}}, &bytes.Buffer{})
	_, err := strict.AddSignature(t.Context(), admin, digest, engine.SignModule(signer(1), digest))
	require.NoError(t, err)
	hex := strings.TrimPrefix(string(digest), "sha256:")
	_, err = w.store.Commit(t.Context(), engine.Commit{Writes: []engine.Write{{Key: "chunk/" + hex + "/0000", Value: []byte("the forged module")}}})
	require.NoError(t, err)
	_, err = strict.DeployService(t.Context(), admin, "custom", engine.ServiceSpec{Module: digest}, engine.DeployOptions{})
	requireCode(t, engine.CodeModuleFault, err)
	require.Contains(t, err.Error(), "do not match its digest")
}

// A signature says who made a module, not that it is the newest: an earlier
// module that was signed is deployed again by whoever may deploy.
func TestARollbackNeedsAGoodSignatureAndNothingMore(t *testing.T) {
	store := enginetest.NewMemoryStore()
	w := newWorldOn(t, store).node(engine.SignaturePolicy{Mode: engine.SignaturesRequired, Keys: []engine.TrustedKey{trusted("release", 1)}}, &bytes.Buffer{})
	old, recent := w.upload(&script{lookup: always(engine.Available)}), w.upload(&script{lookup: always(engine.Available)})
	for _, digest := range []engine.Digest{old, recent} {
		_, err := w.AddSignature(t.Context(), admin, digest, engine.SignModule(signer(1), digest))
		require.NoError(t, err)
		_, err = w.DeployService(t.Context(), admin, "custom", engine.ServiceSpec{Module: digest}, engine.DeployOptions{})
		require.NoError(t, err)
	}
	back, err := w.RollbackService(t.Context(), admin, "custom", 1, engine.DeployOptions{})
	require.NoError(t, err)
	require.Equal(t, old, back.Module)
	require.Contains(t, dump(t, store), "service.rollback")
	require.NoError(t, w.DeleteSignature(t.Context(), admin, recent, engine.SigningKeyIDOf(trusted("", 1).Key)))
	_, err = w.RollbackService(t.Context(), admin, "custom", 2, engine.DeployOptions{})
	requireCode(t, engine.CodeConflict, err)
}

func TestSignaturesAreAddedReplacedAndDeleted(t *testing.T) {
	w := newWorld(t)
	digest := w.upload(&script{lookup: always(engine.Available)})
	good := engine.SignModule(signer(1), digest)
	first, err := w.AddSignature(t.Context(), admin, digest, good)
	require.NoError(t, err)
	require.Len(t, first.Signatures, 1)
	require.Equal(t, admin.User, first.Signatures[0].AddedBy)
	again, err := w.AddSignature(t.Context(), admin, digest, good)
	require.NoError(t, err)
	require.Equal(t, first, again, "the same again changes nothing")
	other := good
	other.Value = bytes.Repeat([]byte{1}, ed25519.SignatureSize)
	replaced, err := w.AddSignature(t.Context(), admin, digest, other)
	require.NoError(t, err)
	require.Len(t, replaced.Signatures, 1)
	require.Equal(t, other.Value, replaced.Signatures[0].Value)
	for seed := byte(2); seed <= 8; seed++ {
		_, err = w.AddSignature(t.Context(), admin, digest, engine.SignModule(signer(seed), digest))
		require.NoError(t, err)
	}
	_, err = w.AddSignature(t.Context(), admin, digest, engine.SignModule(signer(9), digest))
	requireCode(t, engine.CodeConflict, err)
	uploaded, err := w.UploadModule(t.Context(), admin, []byte("module 0"))
	require.NoError(t, err)
	require.Len(t, uploaded.Module.Signatures, 8, "the same bytes again keep them")

	require.NoError(t, w.DeleteSignature(t.Context(), admin, digest, good.Key))
	requireCode(t, engine.CodeNotFound, w.DeleteSignature(t.Context(), admin, digest, good.Key))
	_, err = w.AddSignature(t.Context(), admin, engine.DigestOf(nil), good)
	requireCode(t, engine.CodeNotFound, err)
	for name, s := range map[string]engine.Signature{
		"key": {Key: "release", Value: good.Value}, "no value": {Key: good.Key}, "short": {Key: good.Key, Value: good.Value[:63]},
	} {
		_, err = w.AddSignature(t.Context(), admin, digest, s)
		require.Equal(t, engine.CodeInvalid, engine.CodeOf(err), name)
	}
	knowing := w.node(engine.SignaturePolicy{Keys: []engine.TrustedKey{trusted("release", 1)}}, &bytes.Buffer{})
	_, err = knowing.AddSignature(t.Context(), admin, digest, other)
	requireCode(t, engine.CodeInvalid, err)
	require.Contains(t, err.Error(), "release")
}

func pemOf(t *testing.T, kind string, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if kind == "PUBLIC KEY" {
		der, err = x509.MarshalPKIXPublicKey(key)
	}
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestKeysOfSignersAreReadInTheirUsualForms(t *testing.T) {
	private := signer(1)
	public := private.Public().(ed25519.PublicKey)
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	for _, text := range [][]byte{
		pemOf(t, "PUBLIC KEY", public),
		[]byte(base64.StdEncoding.EncodeToString(der) + "\n"),
		[]byte(base64.StdEncoding.EncodeToString(public)),
	} {
		got, err := engine.ParsePublicKey(text)
		require.NoError(t, err)
		require.Equal(t, public, got)
	}
	got, err := engine.ParsePrivateKey(pemOf(t, "PRIVATE KEY", private))
	require.NoError(t, err)
	require.Equal(t, private, got)

	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for name, text := range map[string][]byte{
		"nothing": nil, "text": []byte("release"), "of another kind": pemOf(t, "PUBLIC KEY", &p256.PublicKey),
		"private": pemOf(t, "PRIVATE KEY", private), "cut off": []byte(base64.StdEncoding.EncodeToString(der[:43])),
	} {
		_, err := engine.ParsePublicKey(text)
		require.Equal(t, engine.CodeInvalid, engine.CodeOf(err), name)
	}
	secret := string(pemOf(t, "PRIVATE KEY", private))
	for name, text := range map[string][]byte{
		"nothing": nil, "text": []byte("hunter2"), "of another kind": pemOf(t, "PRIVATE KEY", p256), "public": pemOf(t, "PUBLIC KEY", public),
		"cut off": []byte(secret[:60] + secret[64:]),
	} {
		_, err := engine.ParsePrivateKey(text)
		require.Equal(t, engine.CodeInvalid, engine.CodeOf(err), name)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func FuzzParseSigningKeys(f *testing.F) {
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n"))
	f.Add([]byte(base64.StdEncoding.EncodeToString(make([]byte, 32))))
	f.Fuzz(func(t *testing.T, text []byte) {
		public, err := engine.ParsePublicKey(text)
		require.Equal(t, err == nil, len(public) == ed25519.PublicKeySize)
		private, err := engine.ParsePrivateKey(text)
		require.Equal(t, err == nil, len(private) == ed25519.PrivateKeySize)
	})
}
