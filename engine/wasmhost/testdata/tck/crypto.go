package main

import (
	"encoding/hex"
	"strings"

	"github.com/credence-engine/credence/wasmabi"
)

// bytesOf decodes hexadecimal.
func bytesOf(text string) string {
	b, _ := hex.DecodeString(text)
	return string(b)
}

// digests of "abc" (FIPS 180), and HMACs of RFC 4231 and RFC 2202 under the key
// "Jefe".
var digests = map[wasmabi.Hash][2]string{
	wasmabi.HashSHA1: {"a9993e364706816aba3e25717850c26c9cd0d89d", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
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
}

const jefe, jefeData = "Jefe", "what do ya want for nothing?"

func cryptoHash(t *try) {
	buf := make([]byte, 64)
	for alg, want := range digests {
		digest := bytesOf(want[0])
		t.is("a digest", hashRaw(int32(alg), "abc", buf), len(digest))
		t.holds("its bytes", string(buf[:len(digest)]) == digest)
	}
	small := []byte("--")
	t.is("the length of what does not fit", hashRaw(1, "abc", small), 32)
	t.holds("nothing is written where it does not fit", string(small) == "--")
	t.is("no data", hashRaw(1, "", buf), 32)
	for _, alg := range []int32{0, 5, -1, 16} {
		t.is("an unknown hash", hashRaw(alg, "abc", buf), errno(wasmabi.EINVAL))
	}
}

func cryptoHmac(t *try) {
	buf := make([]byte, 64)
	for alg, want := range digests {
		mac := bytesOf(want[1])
		t.is("an HMAC", hmacRaw(int32(alg), jefe, jefeData, buf), len(mac))
		t.holds("its bytes", string(buf[:len(mac)]) == mac)
	}
	t.is("the length of what does not fit", hmacRaw(1, jefe, jefeData, nil), 32)
	t.is("no key", hmacRaw(1, "", jefeData, buf), 32)
	t.is("an unknown hash", hmacRaw(9, jefe, jefeData, buf), errno(wasmabi.EINVAL))
}

func cryptoVerify(t *try) {
	for name, alg := range map[string]wasmabi.Signature{
		"ed25519": wasmabi.SignEd25519, "ed25519raw": wasmabi.SignEd25519, "p256": wasmabi.SignP256, "rsa": wasmabi.SignRSA,
	} {
		key, signature := bytesOf(known.Keys[name]), bytesOf(known.Signed[name])
		t.holds(name+" is configured", len(key) > 0 && len(signature) > 0)
		t.is(name+" is valid", verifyRaw(int32(alg), key, "data", signature), 1)
		t.is(name+" of other data", verifyRaw(int32(alg), key, "date", signature), 0)
		t.is(name+" cut", verifyRaw(int32(alg), key, "data", signature[:len(signature)-1]), 0)
		t.is(name+" empty", verifyRaw(int32(alg), key, "data", ""), 0)
		t.is(name+" with no key", verifyRaw(int32(alg), "no key", "data", signature), errno(wasmabi.EINVAL))
	}
	t.is("a key of another kind", verifyRaw(int32(wasmabi.SignP256), bytesOf(known.Keys["rsa"]), "data", bytesOf(known.Signed["p256"])), errno(wasmabi.EINVAL))
	for alg, want := range digests {
		t.is("an HMAC is valid", verifyRaw(int32(wasmabi.HMAC(alg)), jefe, jefeData, bytesOf(want[1])), 1)
		t.is("an HMAC under another key", verifyRaw(int32(wasmabi.HMAC(alg)), "jefe", jefeData, bytesOf(want[1])), 0)
		t.is("a cut HMAC", verifyRaw(int32(wasmabi.HMAC(alg)), jefe, jefeData, bytesOf(want[1])[1:]), 0)
	}
	for _, alg := range []int32{0, 4, -1, 16, 21} {
		t.is("an unknown signature", verifyRaw(alg, jefe, "data", "x"), errno(wasmabi.EINVAL))
	}
}

func cryptoQuota(t *try) {
	buf := make([]byte, 32)
	half := strings.Repeat("x", wasmabi.MaxCryptoBytes/2)
	t.is("half of the quota", hashRaw(1, half, buf), 32)
	t.is("the other half", hashRaw(1, half, buf), 32)
	t.is("over the quota", hashRaw(1, "x", buf), errno(wasmabi.EDQUOT))
	t.is("over the quota of HMACs too", hmacRaw(1, "k", "x", buf), errno(wasmabi.EDQUOT))
}

func secretHmac(t *try) {
	buf := make([]byte, 64)
	for alg, name := range map[int32]string{1: "sha256", 2: "sha384", 3: "sha512", 4: "sha1"} {
		want := bytesOf(known.Expected[name])
		t.holds(name+" is configured", len(want) > 0)
		t.is(name, secretHmacRaw("shared", alg, "data", buf), len(want))
		t.holds(name+", its bytes", string(buf[:len(want)]) == want)
	}
	t.is("the length of what does not fit", secretHmacRaw("shared", 1, "data", nil), 32)
	t.is("an unknown hash", secretHmacRaw("shared", 9, "data", buf), errno(wasmabi.EINVAL))
	t.is("a secret that is not there", secretHmacRaw("absent", 1, "data", buf), errno(wasmabi.ENOENT))
	t.is("a secret that is not granted", secretHmacRaw("other", 1, "data", buf), errno(wasmabi.EPERM))
	t.is("no name", secretHmacRaw("", 1, "data", buf), errno(wasmabi.EPERM))
}

func secretSign(t *try) {
	buf := make([]byte, 1024)
	for name, alg := range map[string]wasmabi.Signature{"ed25519": wasmabi.SignEd25519, "p256": wasmabi.SignP256, "rsa": wasmabi.SignRSA} {
		n := secretSignRaw("key-"+name, int32(alg), "data", buf)
		t.holds(name+" signs", n > 0)
		if n > 0 {
			t.is(name+" is valid", verifyRaw(int32(alg), bytesOf(known.Keys[name]), "data", string(buf[:n])), 1)
		}
	}
	t.is("the length of what does not fit", secretSignRaw("key-ed25519", 1, "data", nil), 64)
	t.is("a key of another kind", secretSignRaw("key-rsa", int32(wasmabi.SignEd25519), "data", buf), errno(wasmabi.EINVAL))
	t.is("a secret that is no key", secretSignRaw("shared", int32(wasmabi.SignEd25519), "data", buf), errno(wasmabi.EINVAL))
	t.is("an unknown signature", secretSignRaw("key-rsa", 17, "data", buf), errno(wasmabi.EINVAL))
	t.is("a secret that is not there", secretSignRaw("absent", 1, "data", buf), errno(wasmabi.ENOENT))
	t.is("a secret that is not granted", secretSignRaw("other", 1, "data", buf), errno(wasmabi.EPERM))
}
