package wasmhost

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/wasmabi"
)

// token is a secret that must turn up nowhere.
const token = "s3cr3t-Token/42"

// keep is a vault with these secrets. The one called "away" cannot be read.
func keep(secrets map[string]string) SecretReader {
	return func(_ context.Context, name string) ([]byte, error) {
		if name == "away" {
			return nil, errors.New("the store is away, and the secret is " + token)
		}
		value, ok := secrets[name]
		if !ok {
			return nil, engine.ErrNotFound
		}
		return []byte(value), nil
	}
}

func TestASecretIsAppendedToAHeader(t *testing.T) {
	var seen []string
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { seen = append(seen, r.Header["Authorization"]...) })
	w := newWorld(t, Options{
		Ceiling: Ceiling{AllowPrivate: true}, Secrets: keep(map[string]string{"erp-token": token, "other": "x", "with-line-end": "x\n"}),
	})
	own := rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(s.URL, true)+`],"secrets":["erp-token","absent","away","with-line-end"]}`)
	for secret, errno := range map[string]int64{"erp-token": 0, "absent": enoent, "other": eperm, "away": eagain, "with-line-end": einval} {
		w.calling(own, func(g *guest) {
			_, got := g.get(s.URL+"/", wasmabi.Header{Name: "authorization", Value: "Bearer ", Secret: secret})
			require.Equal(t, errno, got, secret)
			require.Empty(t, g.log.lines(token))
		})
	}
	require.Equal(t, []string{"Bearer " + token}, seen)
}

func TestAnAnswerThatHoldsTheSecretIsRefused(t *testing.T) {
	answers := map[string]func(http.ResponseWriter, *http.Request){
		"in the body": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "you sent "+r.Header.Get("X-Key"))
		},
		"in a header":        func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Echo", "k="+r.Header.Get("X-Key")+";") },
		"in a header's name": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Abc123", "1") },
		"in an error": func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, r.Header.Get("X-Key"), http.StatusBadRequest)
		},
		"in a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/?k="+r.Header.Get("X-Key"), http.StatusFound)
		},
		"no longer than a bit": func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Header.Get("X-Key")) },
	}
	for name, answer := range answers {
		secret := token
		if name == "in a header's name" {
			secret = "Abc123"
		}
		s := serve(t, answer)
		w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}, Secrets: keep(map[string]string{"key": secret})})
		w.calling(rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(s.URL, true)+`],"secrets":["key"]}`), func(g *guest) {
			_, errno := g.get(s.URL+"/", wasmabi.Header{Name: "x-key", Secret: "key"})
			require.EqualValues(t, eperm, errno, name)
			require.Empty(t, g.call.results)
			require.Empty(t, g.log.lines(secret))
			require.Len(t, g.log.lines("holds a secret"), 1)
			_, errno = g.get(s.URL+"/", wasmabi.Header{Name: "x-key", Value: "of its own"})
			require.Zero(t, errno, "what the guest knows it may hear")
		})
	}
}

// A server's words may hold what it was sent, and are not logged.
func TestAFailureDoesNotLogWhatTheServerSaid(t *testing.T) {
	url := raw(t, func(w io.Writer) error { _, err := io.WriteString(w, token+" is no HTTP\r\n\r\n"); return err })
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}, Secrets: keep(map[string]string{"key": token})})
	w.calling(rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(url, true)+`],"secrets":["key"]}`), func(g *guest) {
		_, errno := g.get(url+"/?"+token, wasmabi.Header{Name: "x-key", Secret: "key"})
		require.EqualValues(t, eagain, errno)
		require.Empty(t, g.log.lines(token))
		require.Len(t, g.log.lines("a request of a module failed", "the connection failed"), 1)
	})
}

func pkcs8(tb testing.TB, key any, armour bool) string {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(tb, err)
	if armour {
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	return string(der)
}

func spki(tb testing.TB, key any) string {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(tb, err)
	return string(der)
}

func TestWhatASecretSignsIsVerified(t *testing.T) {
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	secrets := map[string]string{
		"ed": pkcs8(t, edPrivate, true), "ed-der": pkcs8(t, edPrivate, false),
		"p256": pkcs8(t, p256, true), "p256-der": pkcs8(t, p256, false), "rsa": pkcs8(t, rsaKey, true), "rsa-der": pkcs8(t, rsaKey, false),
		"p384": pkcs8(t, p384, true), "text": token, "empty": "", "long": strings.Repeat("x", 17<<10),
		"two": pkcs8(t, edPrivate, true) + pkcs8(t, edPrivate, true), "public": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte(spki(t, edPublic))})),
	}
	names := make([]string, 0, len(secrets))
	for name := range secrets {
		names = append(names, `"`+name+`"`)
	}
	w := newWorld(t, Options{Secrets: keep(secrets)})
	own := rightsFor(t, w.runtime.Runtime, `{"secrets":[`+strings.Join(names, ",")+`]}`)
	const data = "what is signed"
	public := map[wasmabi.Signature]string{
		wasmabi.SignEd25519: spki(t, edPublic), wasmabi.SignP256: spki(t, &p256.PublicKey), wasmabi.SignRSA: spki(t, &rsaKey.PublicKey),
	}
	for name, alg := range map[string]wasmabi.Signature{
		"ed": wasmabi.SignEd25519, "ed-der": wasmabi.SignEd25519, "p256": wasmabi.SignP256, "p256-der": wasmabi.SignP256,
		"rsa": wasmabi.SignRSA, "rsa-der": wasmabi.SignRSA,
	} {
		w.calling(own, func(g *guest) {
			n := g.do("secret_sign", name, int(alg), data, buf, 1000)
			require.Positive(t, n, name)
			signature := g.at(buf, int(n))
			require.EqualValues(t, 1, g.do("crypto_verify", int(alg), public[alg], data, signature), name)
			require.EqualValues(t, 0, g.do("crypto_verify", int(alg), public[alg], data+".", signature), name)
			require.EqualValues(t, 0, g.do("crypto_verify", int(alg), public[alg], data, signature[1:]), name)
			require.EqualValues(t, 0, g.do("crypto_verify", int(alg), public[alg], data, ""), name)
			for other, key := range public {
				if other != alg {
					require.EqualValues(t, einval, g.do("crypto_verify", int(alg), key, data, signature), name)
				}
			}
			require.True(t, g.module.Memory().Write(buf, []byte{'.'}))
			require.Positive(t, g.do("secret_sign", name, int(alg), data, buf, 10))
			require.Equal(t, ".", g.at(buf, 1), "what does not fit is not copied")
		})
	}
	for name, alg := range map[string]int{"ed": 2, "p256": 3, "rsa": 1, "p384": 2, "text": 1, "empty": 1, "long": 1, "two": 1, "public": 1, "ed-der": 0, "rsa-der": 17} {
		w.calling(own, func(g *guest) { require.EqualValues(t, einval, g.do("secret_sign", name, alg, data, buf, 1000), name) })
	}
	w.calling(own, func(g *guest) {
		require.EqualValues(t, eperm, g.do("secret_sign", "absent", 1, data, buf, 100))
		require.EqualValues(t, 1, g.do("crypto_verify", 1, string(edPublic), data, string(ed25519.Sign(edPrivate, []byte(data)))), "a raw key of Ed25519")
		require.EqualValues(t, einval, g.do("crypto_verify", 1, string(edPublic)+"x", data, ""))
		require.EqualValues(t, einval, g.do("crypto_verify", 2, spki(t, &p384.PublicKey), data, ""))
	})
}

func TestASecretIsAKeyOfAnHMAC(t *testing.T) {
	w := newWorld(t, Options{Secrets: keep(map[string]string{"key": "Jefe", "other": "x"})})
	w.calling(rightsFor(t, w.runtime.Runtime, `{"secrets":["key","absent","away"]}`), func(g *guest) {
		const data = "what do ya want for nothing?" // RFC 4231, test case 2
		require.EqualValues(t, 32, g.do("secret_hmac", "key", 1, data, buf, 32))
		require.Equal(t, unhex(t, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"), g.at(buf, 32))
		require.EqualValues(t, enoent, g.do("secret_hmac", "absent", 1, data, buf, 32))
		require.EqualValues(t, eperm, g.do("secret_hmac", "other", 1, data, buf, 32))
		require.EqualValues(t, eperm, g.do("secret_hmac", "", 1, data, buf, 32))
		require.EqualValues(t, eagain, g.do("secret_hmac", "away", 1, data, buf, 32))
		for _, alg := range []int{0, 5, 17, -1} {
			require.EqualValues(t, einval, g.do("secret_hmac", "key", alg, data, buf, 32))
		}
		require.Len(t, g.log.lines("a secret cannot be read for a module", "away"), 1)
		require.Empty(t, g.log.lines(token))
	})
	w.runtime.secrets = nil
	w.calling(rightsFor(t, w.runtime.Runtime, `{"secrets":["key"]}`), func(g *guest) {
		require.EqualValues(t, enoent, g.do("secret_hmac", "key", 1, "", buf, 32), "a node without a vault")
	})
	g := newGuest(t, nil, nil)
	require.EqualValues(t, eperm, g.do("secret_hmac", "key", 1, "", buf, 32), "without rights")
}
