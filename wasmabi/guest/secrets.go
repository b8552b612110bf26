package guest

import "github.com/credence-engine/credence/wasmabi"

// Secrets uses secrets by their names. It needs the capability secrets, which
// lists them; no function reads one. Errors wrap wasmabi.EPERM when a name is
// not granted, and ENOENT when there is no such secret.
type Secrets struct{ d *Dispatcher }

// Hash is a digest.
type Hash = wasmabi.Hash

// The digests. SHA1 is for old protocols only.
const (
	SHA256 = wasmabi.HashSHA256
	SHA384 = wasmabi.HashSHA384
	SHA512 = wasmabi.HashSHA512
	SHA1   = wasmabi.HashSHA1
)

// Signature is a way to sign.
type Signature = wasmabi.Signature

// The signatures.
const (
	Ed25519 = wasmabi.SignEd25519 // 64 bytes
	P256    = wasmabi.SignP256    // ECDSA with SHA-256, in ASN.1 DER
	RSA     = wasmabi.SignRSA     // PKCS #1 v1.5 with SHA-256
)

// Hmac returns the HMAC of data with a named secret as key. Compare it with
// [Equal].
func (s Secrets) Hmac(name string, hash Hash, data []byte) ([]byte, error) {
	sum, result := s.d.readAll(func(dst []byte) int32 { return s.d.host.Secrets.SecretHmac(name, hash, data, dst) })
	return sum, failed(wasmabi.ImportSecretHmac, result)
}

// Sign returns the signature of data with a named secret, which is a private
// key in PKCS #8; an error that wraps wasmabi.EINVAL when that key is of
// another kind.
func (s Secrets) Sign(name string, signature Signature, data []byte) ([]byte, error) {
	sig, result := s.d.readAll(func(dst []byte) int32 { return s.d.host.Secrets.SecretSign(name, signature, data, dst) })
	return sig, failed(wasmabi.ImportSecretSign, result)
}

// Equal compares in a time that depends on the lengths only, as is needed for
// what nobody may guess byte by byte.
func Equal(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	var differ byte
	for i := range a {
		differ |= a[i] ^ b[i]
	}
	return differ == 0
}
