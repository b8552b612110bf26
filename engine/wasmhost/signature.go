package wasmhost

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"

	"github.com/credence-engine/credence/wasmabi"
)

// maxKeyBytes bounds a public or private key: the largest of RSA take less.
const maxKeyBytes = 16 << 10

// verify tells whether a signature is that of the data, or ok is false when
// the key cannot be read or is not one for alg.
func verify(alg wasmabi.Signature, key, data, signature []byte) (holds, ok bool) {
	if alg == wasmabi.SignEd25519 && len(key) == ed25519.PublicKeySize {
		return ed25519.Verify(key, data, signature), true
	}
	if len(key) > maxKeyBytes {
		return false, false
	}
	parsed, err := x509.ParsePKIXPublicKey(key)
	if err != nil {
		return false, false
	}
	digest := sha256.Sum256(data)
	switch public := parsed.(type) {
	case ed25519.PublicKey:
		if alg == wasmabi.SignEd25519 {
			return ed25519.Verify(public, data, signature), true
		}
	case *ecdsa.PublicKey:
		if alg == wasmabi.SignP256 && public.Curve == elliptic.P256() {
			return ecdsa.VerifyASN1(public, digest[:], signature), true
		}
	case *rsa.PublicKey:
		if alg == wasmabi.SignRSA && strongEnough(public) {
			return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil, true
		}
	}
	return false, false
}

func strongEnough(k *rsa.PublicKey) bool {
	bits := k.N.BitLen()
	return bits >= wasmabi.MinRSABits && bits <= wasmabi.MaxRSABits
}

// sign signs with a private key in PKCS #8, as PEM or DER. It is false when the
// key cannot be read or is not one for alg.
func sign(alg wasmabi.Signature, key, data []byte) ([]byte, bool) {
	if len(key) > maxKeyBytes {
		return nil, false
	}
	if block, rest := pem.Decode(key); block != nil {
		if block.Type != "PRIVATE KEY" || len(bytes.TrimSpace(rest)) > 0 {
			return nil, false
		}
		key = block.Bytes
	}
	parsed, err := x509.ParsePKCS8PrivateKey(key)
	if err != nil {
		return nil, false
	}
	digest := sha256.Sum256(data)
	var signature []byte
	switch secret := parsed.(type) {
	case ed25519.PrivateKey:
		if alg != wasmabi.SignEd25519 {
			return nil, false
		}
		return ed25519.Sign(secret, data), true
	case *ecdsa.PrivateKey:
		if alg != wasmabi.SignP256 || secret.Curve != elliptic.P256() {
			return nil, false
		}
		signature, err = ecdsa.SignASN1(rand.Reader, secret, digest[:])
	case *rsa.PrivateKey:
		if alg != wasmabi.SignRSA || !strongEnough(&secret.PublicKey) || secret.N.BitLen() > wasmabi.MaxSignRSABits {
			return nil, false
		}
		signature, err = rsa.SignPKCS1v15(rand.Reader, secret, crypto.SHA256, digest[:])
	default:
		return nil, false
	}
	return signature, err == nil
}
