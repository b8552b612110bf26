package guest

import "github.com/credence-engine/credence/wasmabi"

// Crypto computes at native speed. It needs the capability crypto. What goes
// through it and [Secrets], keys included, is at most 1 MiB in one operation.
type Crypto struct{ d *Dispatcher }

// Hash returns a digest.
func (c Crypto) Hash(hash Hash, data []byte) ([]byte, error) {
	sum, result := c.d.readAll(func(dst []byte) int32 { return c.d.host.Crypto.CryptoHash(hash, data, dst) })
	return sum, failed(wasmabi.ImportCryptoHash, result)
}

// Hmac returns an HMAC. Compare it with [Equal], or use [Crypto.Verify].
func (c Crypto) Hmac(hash Hash, key, data []byte) ([]byte, error) {
	sum, result := c.d.readAll(func(dst []byte) int32 { return c.d.host.Crypto.CryptoHmac(hash, key, data, dst) })
	return sum, failed(wasmabi.ImportCryptoHmac, result)
}

// Verify tells whether a signature is that of data. The key is a public one,
// as SubjectPublicKeyInfo in DER or, for Ed25519, its 32 bytes; an error wraps
// wasmabi.EINVAL when it cannot be read. [HMAC] makes the signature of a
// shared key.
func (c Crypto) Verify(signature Signature, key, data, sig []byte) (bool, error) {
	result := c.d.host.Crypto.CryptoVerify(signature, key, data, sig)
	return result == 1, failed(wasmabi.ImportCryptoVerify, result)
}

// HMAC is an HMAC as a [Signature], for [Crypto.Verify].
func HMAC(hash Hash) Signature { return wasmabi.HMAC(hash) }
