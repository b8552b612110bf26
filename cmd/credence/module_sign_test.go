package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/config"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/rest"
)

// keyPair writes a new key as openssl would.
func keyPair(t *testing.T) (private, public string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	pubDER, err := x509.MarshalPKIXPublicKey(pub)
	require.NoError(t, err)
	return file(t, "private.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))),
		file(t, "public.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pubDER})))
}

func TestAModuleIsSignedAndVerifiedWithoutAServer(t *testing.T) {
	private, public := keyPair(t)
	otherPrivate, otherPublic := keyPair(t)
	module := packed(t)
	local := func(args ...string) result { return credence(t, nil, "", append([]string{"module"}, args...)...) }
	signed := local("sign", module, "--key", private)
	require.Equal(t, exitDone, signed.code, signed.stderr)
	require.Regexp(t, `wrote .*bare\.wasm\.sig: sha256:[0-9a-f]{64} signed with the key [0-9a-f]{16}\n$`, signed.stdout)
	verified := local("verify", module, "--key", public)
	require.Equal(t, exitDone, verified.code, verified.stderr)
	require.Regexp(t, `^the key [0-9a-f]{16} signed sha256:`, verified.stdout)

	strangers := file(t, "strangers.sig", "")
	require.Equal(t, exitDone, local("sign", module, "--key", otherPrivate, "-o", strangers).code)
	other := file(t, "other.wasm", bareModule)
	content := read(t, module+".sig")
	value := regexp.MustCompile(`"signature": "(.)`)
	flipped := value.ReplaceAllStringFunc(content, func(s string) string {
		return s[:len(s)-1] + string("AB"[min(1, strings.Count(s[len(s)-1:], "A"))])
	})
	for name, c := range map[string]struct {
		args  []string
		words string
	}{
		"another key's":     {[]string{module, "--key", public, "--signature", strangers}, "signed with the key"},
		"another key":       {[]string{module, "--key", otherPublic}, "holds the key"},
		"another module":    {[]string{other, "--key", public, "--signature", module + ".sig"}, "signature of another module"},
		"damaged":           {[]string{module, "--key", public, "--signature", file(t, "d.sig", flipped)}, "does not hold"},
		"no signature":      {[]string{module, "--key", public, "--signature", file(t, "n.sig", "hello")}, "holds no signature"},
		"unknown member":    {[]string{module, "--key", public, "--signature", file(t, "u.sig", strings.Replace(content, `"module"`, `"digest"`, 1))}, "holds no signature"},
		"absent":            {[]string{other, "--key", public}, "cannot read"},
		"the private key":   {[]string{module, "--key", private}, "a public key (PUBLIC KEY) is needed"},
		"signed by nothing": {[]string{module, "--key", file(t, "k", "hunter2")}, "no public key"},
	} {
		r := local(append([]string{"verify"}, c.args...)...)
		require.Equal(t, exitFailed, r.code, name)
		require.Contains(t, r.stderr, c.words, name)
	}
	require.Equal(t, exitUsage, local("sign", module).code)
	require.Equal(t, exitUsage, local("verify", module).code)
	wrong := local("sign", module, "--key", file(t, "k", "hunter2"))
	require.Equal(t, exitFailed, wrong.code)
	require.NotContains(t, wrong.stderr, "hunter2")
}

func TestASignedModuleIsUploadedAndRuns(t *testing.T) {
	private, public := keyPair(t)
	policy, err := signaturePolicy(config.Signatures{Policy: "required", Keys: []string{"release=" + public}})
	require.NoError(t, err)
	s := newSite(t, withModules(t), func(o *engine.Options, _ *rest.Options) { o.Signatures = policy })
	module := packed(t)
	require.Equal(t, exitDone, credence(t, nil, "", "module", "sign", module, "--key", private).code)

	bare := s.must(t, "module", "upload", module)
	require.Equal(t, "UNSIGNED", line(t, bare, "signature"))
	digest := line(t, bare, "digest")
	require.Contains(t, s.refused(t, "conflict", "service", "deploy", "custom", "--module", digest), "credence module sign")

	table := s.must(t, "module", "upload", module, "--signature", module+".sig")
	require.Equal(t, "SIGNED by release", line(t, table, "signature"))
	require.Equal(t, "this module was there already", line(t, table, "note"))
	require.Regexp(t, `SIGNED`, s.must(t, "module", "list"))
	s.must(t, "service", "deploy", "custom", "--module", digest)

	other := file(t, "other.wasm", bareModule)
	r := s.run(t, "module", "upload", other, "--signature", module+".sig")
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.stderr, "signature of another module")
	require.NotContains(t, s.must(t, "module", "list"), string(engine.DigestOf([]byte(bareModule))), "nothing was uploaded")

	strange, _ := keyPair(t)
	require.Equal(t, exitDone, credence(t, nil, "", "module", "sign", other, "--key", strange).code)
	require.Contains(t, line(t, s.must(t, "module", "upload", other, "--signature", other+".sig"), "signature"), "INVALID: it is signed with the key")
}

func TestTheKeysOfANodeAreFilesOrBase64(t *testing.T) {
	_, public := keyPair(t)
	block, _ := pem.Decode([]byte(read(t, public)))
	inline := base64.StdEncoding.EncodeToString(block.Bytes)
	policy, err := signaturePolicy(config.Signatures{Policy: "warn", Keys: []string{"a=" + public, "b=" + inline}})
	require.NoError(t, err)
	require.Equal(t, engine.SignaturesWarn, policy.Mode)
	require.Equal(t, "a", policy.Keys[0].Name)
	require.Equal(t, policy.Keys[0].Key, policy.Keys[1].Key)
	for words, key := range map[string]string{
		"neither a key in base64 nor a file": "a=/does/not/exist",
		"no public key":                      "a=" + file(t, "k", "-"),
	} {
		_, err := signaturePolicy(config.Signatures{Policy: "warn", Keys: []string{key}})
		require.ErrorContains(t, err, words)
	}
}
