package guesttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // offered for old protocols
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"hash"

	"github.com/credence-engine/credence/wasmabi"
)

var digests = map[wasmabi.Hash]func() hash.Hash{
	wasmabi.HashSHA256: sha256.New, wasmabi.HashSHA384: sha512.New384, wasmabi.HashSHA512: sha512.New, wasmabi.HashSHA1: sha1.New,
}

// SecretHmac implements host.Secrets.
func (f *fake) SecretHmac(name string, alg wasmabi.Hash, data, dst []byte) int32 {
	key, found := f.secrets[name]
	if !found {
		return wasmabi.ENOENT.Return()
	}
	return f.CryptoHmac(alg, key, data, dst)
}

// SecretSign implements host.Secrets.
func (f *fake) SecretSign(name string, alg wasmabi.Signature, data, dst []byte) int32 {
	secret, found := f.secrets[name]
	switch {
	case !found:
		return wasmabi.ENOENT.Return()
	case f.overQuota(wasmabi.SignBytes + len(secret) + len(data)):
		return wasmabi.EDQUOT.Return()
	}
	if block, _ := pem.Decode(secret); block != nil {
		secret = block.Bytes
	}
	key, err := x509.ParsePKCS8PrivateKey(secret)
	if err != nil {
		return wasmabi.EINVAL.Return()
	}
	sum := sha256.Sum256(data)
	var sig []byte
	switch key := key.(type) {
	case ed25519.PrivateKey:
		if alg == wasmabi.SignEd25519 {
			sig = ed25519.Sign(key, data)
		}
	case *ecdsa.PrivateKey:
		if alg == wasmabi.SignP256 && key.Curve == elliptic.P256() {
			sig, _ = ecdsa.SignASN1(rand.Reader, key, sum[:])
		}
	case *rsa.PrivateKey:
		if alg == wasmabi.SignRSA && legalRSA(&key.PublicKey) && key.N.BitLen() <= wasmabi.MaxSignRSABits {
			sig, _ = rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
		}
	}
	if sig == nil {
		return wasmabi.EINVAL.Return()
	}
	return give(dst, string(sig))
}

// CryptoHash implements host.Crypto.
func (f *fake) CryptoHash(alg wasmabi.Hash, data, dst []byte) int32 {
	digest := digests[alg]
	switch {
	case digest == nil:
		return wasmabi.EINVAL.Return()
	case f.overQuota(len(data)):
		return wasmabi.EDQUOT.Return()
	}
	h := digest()
	h.Write(data)
	return give(dst, string(h.Sum(nil)))
}

// CryptoHmac implements host.Crypto.
func (f *fake) CryptoHmac(alg wasmabi.Hash, key, data, dst []byte) int32 {
	digest := digests[alg]
	switch {
	case digest == nil:
		return wasmabi.EINVAL.Return()
	case f.overQuota(len(key) + len(data)):
		return wasmabi.EDQUOT.Return()
	}
	return give(dst, string(sum(digest, key, data)))
}

// CryptoVerify implements host.Crypto.
func (f *fake) CryptoVerify(alg wasmabi.Signature, key, data, sig []byte) int32 {
	if f.overQuota(len(key) + len(data)) {
		return wasmabi.EDQUOT.Return()
	}
	if shared, ok := alg.HMAC(); ok {
		return verdict(hmac.Equal(sum(digests[shared], key, data), sig))
	}
	public, err := x509.ParsePKIXPublicKey(key)
	if alg == wasmabi.SignEd25519 && len(key) == ed25519.PublicKeySize {
		public, err = ed25519.PublicKey(key), nil
	}
	if err != nil {
		return wasmabi.EINVAL.Return()
	}
	digest := sha256.Sum256(data)
	switch public := public.(type) {
	case ed25519.PublicKey:
		if alg == wasmabi.SignEd25519 {
			return verdict(ed25519.Verify(public, data, sig))
		}
	case *ecdsa.PublicKey:
		if alg == wasmabi.SignP256 && public.Curve == elliptic.P256() {
			return verdict(ecdsa.VerifyASN1(public, digest[:], sig))
		}
	case *rsa.PublicKey:
		if alg == wasmabi.SignRSA && legalRSA(public) {
			return verdict(rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], sig) == nil)
		}
	}
	return wasmabi.EINVAL.Return()
}

func sum(digest func() hash.Hash, key, data []byte) []byte {
	h := hmac.New(digest, key)
	h.Write(data)
	return h.Sum(nil)
}

func legalRSA(key *rsa.PublicKey) bool {
	return key.N.BitLen() >= wasmabi.MinRSABits && key.N.BitLen() <= wasmabi.MaxRSABits
}

func verdict(valid bool) int32 {
	if valid {
		return 1
	}
	return 0
}

// overQuota counts what the functions of crypto and secrets work on.
func (f *fake) overQuota(n int) bool {
	f.hashed += n
	return f.hashed > wasmabi.MaxCryptoBytes
}
