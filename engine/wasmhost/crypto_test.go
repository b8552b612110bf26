package wasmhost

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero/experimental/wazerotest"

	"github.com/credence-engine/credence/wasmabi"
)

func unhex(tb testing.TB, s string) string {
	tb.Helper()
	raw, err := hex.DecodeString(s)
	require.NoError(tb, err)
	return string(raw)
}

// The digests of "abc" in FIPS 180-2, and test case 2 of RFC 4231 and RFC 2202.
var digests = map[wasmabi.Hash]struct{ abc, mac string }{
	wasmabi.HashSHA256: {
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
	},
	wasmabi.HashSHA384: {
		"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
		"af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
	},
	wasmabi.HashSHA512: {
		"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
		"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
	},
	wasmabi.HashSHA1: {"a9993e364706816aba3e25717850c26c9cd0d89d", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
}

func TestDigestsAreThoseOfTheStandards(t *testing.T) {
	const key, data = "Jefe", "what do ya want for nothing?"
	for h, want := range digests {
		g := newGuest(t, nil, nil)
		require.EqualValues(t, h.Size(), g.do("crypto_hash", int(h), "abc", buf, 64))
		require.Equal(t, want.abc, hex.EncodeToString([]byte(g.at(buf, h.Size()))))
		mac := unhex(t, want.mac)
		require.EqualValues(t, h.Size(), g.do("crypto_hmac", int(h), key, data, buf, 64))
		require.Equal(t, mac, g.at(buf, h.Size()))

		alg := int(wasmabi.HMAC(h))
		require.EqualValues(t, 1, g.do("crypto_verify", alg, key, data, mac))
		require.EqualValues(t, 0, g.do("crypto_verify", alg, key, data, mac[1:]), "a part of it")
		require.EqualValues(t, 0, g.do("crypto_verify", alg, key, data, mac+"\x00"))
		require.EqualValues(t, 0, g.do("crypto_verify", alg, key, data, ""))
		require.EqualValues(t, 0, g.do("crypto_verify", alg, key+"x", data, mac))
		require.EqualValues(t, 0, g.do("crypto_verify", alg, key, data, "\x00"+mac[1:]))

		require.EqualValues(t, h.Size(), g.do("crypto_hash", int(h), "abc", buf+100, h.Size()-1))
		require.Equal(t, "\x00", g.at(buf+100, 1), "what does not fit is not copied")
	}
	for _, alg := range []int{0, 5, 16, 21, -1, 1 << 30} {
		g := newGuest(t, nil, nil)
		require.EqualValues(t, einval, g.do("crypto_hash", alg, "", buf, 64), alg)
		require.EqualValues(t, einval, g.do("crypto_hmac", alg, "", "", buf, 64), alg)
		require.EqualValues(t, einval, g.do("crypto_verify", alg, "", "", ""), alg)
	}
	g := newGuest(t, nil, nil)
	require.EqualValues(t, 32, g.do("crypto_hash", 1, 0, 32, 16, 32), "into what was hashed")
	require.EqualValues(t, einval, g.do("crypto_verify", 3, strings.Repeat("k", maxKeyBytes+1), "", ""))
}

func TestEd25519IsThatOfTheStandard(t *testing.T) {
	g := newGuest(t, nil, nil) // RFC 8032, test 2
	key := unhex(t, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
	signature := unhex(t, "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
	require.EqualValues(t, 1, g.do("crypto_verify", 1, key, "\x72", signature))
	require.EqualValues(t, 0, g.do("crypto_verify", 1, key, "\x73", signature))
}

func TestKeysOfRSAHaveToBeStrong(t *testing.T) {
	for bits, want := range map[int]int64{1024: einval, 2047: einval, 2048: 0} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		require.NoError(t, err)
		g := newGuest(t, nil, nil)
		require.Equal(t, want, g.do("crypto_verify", 3, spki(t, &key.PublicKey), "", strings.Repeat("s", 256)), bits)
	}
}

func TestCryptographyHasAQuotaAndKeepsToTheTime(t *testing.T) {
	g := newGuest(t, nil, nil)
	g.module.ExportMemory = wazerotest.NewFixedMemory(1 << 20)
	require.EqualValues(t, 32, g.do("crypto_hash", 1, 0, 1<<20-64, buf, 32))
	require.EqualValues(t, edquot, g.do("crypto_hash", 1, 0, 65, buf, 32))
	require.EqualValues(t, 32, g.do("crypto_hmac", 1, 0, 32, 0, 32, buf, 32), "a key counts too")
	require.EqualValues(t, edquot, g.do("crypto_verify", 17, "k", "", ""))
	require.EqualValues(t, 32, g.do("crypto_hash", 1, 0, 0, buf, 32))

	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	g = newGuest(t, nil, nil)
	g.call.rights = &rights{secrets: []string{"key"}, vault: keep(map[string]string{"key": pkcs8(t, private, true)})}
	for range 15 {
		require.EqualValues(t, 64, g.do("secret_sign", "key", 1, "", buf, 64))
	}
	require.EqualValues(t, edquot, g.do("secret_sign", "key", 1, "", buf, 64))

	for name, call := range map[string]func(*guest){
		"crypto_hash":   func(g *guest) { g.do("crypto_hash", 1, "", buf, 32) },
		"crypto_verify": func(g *guest) { g.do("crypto_verify", 17, "", "", "") },
		"secret_sign":   func(g *guest) { g.do("secret_sign", "key", 1, "", buf, 32) },
	} {
		g := newGuest(t, nil, nil)
		g.call.rights = &rights{secrets: []string{"key"}, vault: keep(nil)}
		g.call.deadline = time.Now()
		require.Equal(t, errLate, g.stops(func() { call(g) }), name)
	}
}
