package guest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/wasmabi"
	"github.com/credence-engine/credence/wasmabi/guest"
	"github.com/credence-engine/credence/wasmabi/guest/guesttest"
	"github.com/credence-engine/credence/wasmabi/guest/proof"
)

const erp = "https://erp.example.com/devices/"

func TestAnExternalSystemIsAsked(t *testing.T) {
	var got guest.Request
	body := bytes.Repeat([]byte("x"), wasmabi.MaxBodyBytes)
	inCall(t, func(i *guesttest.Instance) {
		i.SetSecret("erp-token", []byte("t0p"))
		i.HandleHTTP(erp, func(r guest.Request) (guest.Response, error) {
			got = r
			return guest.Response{Status: 201, Headers: []guest.Header{{Name: "ETag", Value: "7"}}, Body: body}, nil
		})
	}, func(c *guest.Call) {
		answer, err := c.HTTP().Do(guest.Request{
			Method: "POST", URL: erp + "SN-1?full", Body: []byte("b"), Timeout: 100 * time.Millisecond,
			Headers: []guest.Header{{Name: "authorization", Value: "Bearer ", Secret: "erp-token"}},
		})
		require.NoError(t, err)
		require.Equal(t, guest.Request{
			Method: "POST", URL: erp + "SN-1?full", Body: []byte("b"), Timeout: 100 * time.Millisecond,
			Headers: []guest.Header{{Name: "authorization", Value: "Bearer t0p"}},
		}, got)
		require.Equal(t, guest.Response{Status: 201, Headers: []guest.Header{{Name: "etag", Value: "7"}}, Body: body}, answer)
		require.Equal(t, "7", answer.Header("etag"))
		require.Empty(t, answer.Header("date"))

		_, err = c.HTTP().Do(guest.Request{URL: erp})
		require.NoError(t, err)
		require.Equal(t, "GET", got.Method)
		require.Equal(t, 250*time.Millisecond, got.Timeout, "what is left of the call")
	})
}

func TestARequestThatMayNotBeMadeIsAnError(t *testing.T) {
	with := func(h guest.Header) guest.Request { return guest.Request{URL: erp, Headers: []guest.Header{h}} }
	for name, c := range map[string]struct {
		request guest.Request
		errno   wasmabi.Errno
	}{
		"another host":               {guest.Request{URL: "https://other.example.com/devices/"}, wasmabi.EPERM},
		"another path":               {guest.Request{URL: "https://erp.example.com/"}, wasmabi.EPERM},
		"no URL":                     {guest.Request{URL: "SN-1"}, wasmabi.EINVAL},
		"a way up":                   {guest.Request{URL: erp + "../admin"}, wasmabi.EINVAL},
		"a user":                     {guest.Request{URL: "https://u:p@erp.example.com/devices/"}, wasmabi.EINVAL},
		"a URL of over 2 KiB":        {guest.Request{URL: erp + strings.Repeat("x", 2048)}, wasmabi.EINVAL},
		"a second header in a value": {with(guest.Header{Name: "x", Value: "a\r\ny: b"}), wasmabi.EINVAL},
		"a header with a space":      {with(guest.Header{Name: "x y"}), wasmabi.EINVAL},
		"a header of the engine's":   {with(guest.Header{Name: "Host", Value: "other"}), wasmabi.EINVAL},
		"a secret that is not there": {with(guest.Header{Name: "x", Secret: "none"}), wasmabi.ENOENT},
		"an echo of the secret":      {with(guest.Header{Name: "x", Secret: "echoed"}), wasmabi.EPERM},
		"a network that fails":       {guest.Request{URL: erp + "down"}, wasmabi.EAGAIN},
		"a body of over 64 KiB":      {guest.Request{URL: erp + "large"}, wasmabi.E2BIG},
	} {
		t.Run(name, func(t *testing.T) {
			inCall(t, func(i *guesttest.Instance) {
				i.SetSecret("echoed", []byte("s3cret"))
				i.HandleHTTP(erp, func(r guest.Request) (guest.Response, error) {
					switch strings.TrimPrefix(r.URL, erp) {
					case "down":
						return guest.Response{}, errors.New("no route to host")
					case "large":
						return guest.Response{Status: 200, Body: make([]byte, wasmabi.MaxBodyBytes+1)}, nil
					}
					return guest.Response{Status: 200, Headers: r.Headers}, nil
				})
			}, func(call *guest.Call) {
				_, err := call.HTTP().Do(c.request)
				require.ErrorIs(t, err, c.errno)
				require.ErrorContains(t, err, "http_call: ")
			})
		})
	}
}

func TestAnOperationHasFourRequests(t *testing.T) {
	i := guesttest.New(t, lookup(func(c *guest.Call, id string) (guest.Credentials, error) {
		for range wasmabi.MaxHTTPCalls {
			_, err := c.HTTP().Do(guest.Request{URL: erp})
			require.NoError(t, err)
		}
		_, err := c.HTTP().Do(guest.Request{URL: erp})
		require.ErrorIs(t, err, wasmabi.EDQUOT)
		return available(c, id)
	}))
	i.HandleHTTP(erp, func(guest.Request) (guest.Response, error) { return guest.Response{Status: 204}, nil })
	for range 2 {
		_, err := i.Lookup("id")
		require.NoError(t, err)
	}
}

func TestSecretsAreUsedByTheirNames(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	inCall(t, func(i *guesttest.Instance) {
		i.SetSecret("shared", []byte("key"))
		i.SetSecret("signer", inPEM(t, private))
		i.SetSecret("gone", []byte("x"))
		i.SetSecret("gone", nil)
	}, func(c *guest.Call) {
		mac, err := c.Secrets().Hmac("shared", guest.SHA256, []byte("The quick brown fox jumps over the lazy dog"))
		require.NoError(t, err)
		require.Equal(t, "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8", hex.EncodeToString(mac))
		require.True(t, guest.Equal(mac, bytes.Clone(mac)))
		require.False(t, guest.Equal(mac, mac[:31]))
		require.False(t, guest.Equal(mac, append(mac[:31:31], mac[31]^1)))

		sig, err := c.Secrets().Sign("signer", guest.Ed25519, []byte("data"))
		require.NoError(t, err)
		require.True(t, ed25519.Verify(public, []byte("data"), sig))

		_, err = c.Secrets().Hmac("gone", guest.SHA256, nil)
		require.ErrorIs(t, err, wasmabi.ENOENT)
		_, err = c.Secrets().Hmac("shared", 9, nil)
		require.ErrorIs(t, err, wasmabi.EINVAL)
		_, err = c.Secrets().Sign("gone", guest.Ed25519, nil)
		require.ErrorIs(t, err, wasmabi.ENOENT)
		_, err = c.Secrets().Sign("signer", guest.RSA, nil)
		require.ErrorIs(t, err, wasmabi.EINVAL, "the key is of another kind")
		_, err = c.Secrets().Sign("shared", guest.Ed25519, nil)
		require.ErrorIs(t, err, wasmabi.EINVAL, "no private key")
	})
}

func TestDigestsAreThoseOfTheStandards(t *testing.T) {
	inCall(t, nil, func(c *guest.Call) {
		for hash, want := range map[guest.Hash]string{
			guest.SHA256: "ba7816bf8f01cfea", guest.SHA384: "cb00753f45a35e8b", guest.SHA512: "ddaf35a193617aba", guest.SHA1: "a9993e364706816a",
		} {
			sum, err := c.Crypto().Hash(hash, []byte("abc"))
			require.NoError(t, err)
			require.Len(t, sum, hash.Size())
			require.Equal(t, want, hex.EncodeToString(sum[:8]))
		}
		_, err := c.Crypto().Hash(0, nil)
		require.ErrorIs(t, err, wasmabi.EINVAL)
		_, err = c.Crypto().Hash(guest.SHA256, make([]byte, wasmabi.MaxCryptoBytes))
		require.ErrorIs(t, err, wasmabi.EDQUOT)
	})
}

func TestSignaturesOfEveryKindAreVerified(t *testing.T) {
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, wasmabi.MinRSABits)
	require.NoError(t, err)
	data := []byte("data")
	inCall(t, func(i *guesttest.Instance) {
		i.SetSecret("ed25519", inPEM(t, edKey))
		i.SetSecret("p256", inPEM(t, ecKey))
		i.SetSecret("rsa", inPEM(t, rsaKey))
	}, func(c *guest.Call) {
		for name, s := range map[string]struct {
			signature guest.Signature
			public    any
		}{"ed25519": {guest.Ed25519, edKey.Public()}, "p256": {guest.P256, ecKey.Public()}, "rsa": {guest.RSA, rsaKey.Public()}} {
			sig, err := c.Secrets().Sign(name, s.signature, data)
			require.NoError(t, err, name)
			key, err := x509.MarshalPKIXPublicKey(s.public)
			require.NoError(t, err)
			verify(t, c, s.signature, key, data, sig)
		}
		sig, err := c.Secrets().Sign("ed25519", guest.Ed25519, data)
		require.NoError(t, err)
		verify(t, c, guest.Ed25519, edKey.Public().(ed25519.PublicKey), data, sig)

		mac, err := c.Crypto().Hmac(guest.SHA512, []byte("key"), data)
		require.NoError(t, err)
		verify(t, c, guest.HMAC(guest.SHA512), []byte("key"), data, mac)
		_, err = c.Crypto().Verify(guest.P256, []byte("no key"), data, sig)
		require.ErrorIs(t, err, wasmabi.EINVAL)
	})
}

// verify requires that a signature is that of the data, and of no other.
func verify(t *testing.T, c *guest.Call, s guest.Signature, key, data, sig []byte) {
	t.Helper()
	valid, err := c.Crypto().Verify(s, key, data, sig)
	require.NoError(t, err)
	require.True(t, valid)
	for name, wrong := range map[string][2][]byte{"other data": {[]byte("date"), sig}, "no signature": {data, nil}, "a part": {data, sig[:len(sig)-1]}} {
		valid, err := c.Crypto().Verify(s, key, wrong[0], wrong[1])
		require.NoError(t, err, name)
		require.False(t, valid, name)
	}
}

func inPEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// judge is a service that judges proofs, by a function.
type judge struct {
	lookup
	verify func(c *guest.Call, of guest.Credentials, p guest.Proof) error
}

func (j judge) VerifyProof(c *guest.Call, of guest.Credentials, p guest.Proof) error {
	return j.verify(c, of, p)
}

var _ proof.Service = judge{}

func TestAProofIsJudged(t *testing.T) {
	held := guest.Credentials{ID: "id", Body: []byte("key"), Status: guest.InUse, ExpiresUnix: 9}
	given := guest.Proof{Type: "vendor-token", Challenge: []byte("nonce"), Value: []byte("token")}
	var verdict error
	i := guesttest.New(t, judge{verify: func(c *guest.Call, of guest.Credentials, p guest.Proof) error {
		require.Equal(t, held, of)
		require.Equal(t, given, p)
		require.Equal(t, "verify-proof", c.RequestID)
		require.NoError(t, c.KV().Put("seen", p.Value))
		return verdict
	}})
	for _, verdict = range []error{guest.Refuse("used before"), guest.Fail(guest.InvalidArgument, "no token"), guest.Fail(guest.Unavailable, "later")} {
		require.Equal(t, verdict, i.VerifyProof(held, given))
		require.Empty(t, i.State(), "what a refused proof wrote is dropped")
	}
	verdict = nil
	require.NoError(t, i.VerifyProof(held, given))
	require.Equal(t, map[string]string{"seen": "token"}, i.State())
}

func TestAServiceThatJudgesNoProofsSaysSo(t *testing.T) {
	i := guesttest.New(t, lookup(available))
	err := i.VerifyProof(guest.Credentials{ID: "id", Status: guest.Available}, guest.Proof{Type: "t", Value: []byte("v")})
	require.Equal(t, &guest.Error{Status: guest.Unsupported, Text: "UNSUPPORTED"}, err)
}
