package wasmabi

// Hash numbers a digest, for crypto_hash, crypto_hmac and secret_hmac.
type Hash int32

// The digests. SHA-1 is there for legacy protocols that cannot be changed; do
// not choose it.
const (
	HashSHA256 Hash = 1
	HashSHA384 Hash = 2
	HashSHA512 Hash = 3
	HashSHA1   Hash = 4
)

var hashSizes = [...]int{HashSHA256: 32, HashSHA384: 48, HashSHA512: 64, HashSHA1: 20}

// Size returns the length of the digest in bytes, or 0 for a number that is
// none.
func (h Hash) Size() int {
	if h < 0 || int(h) >= len(hashSizes) {
		return 0
	}
	return hashSizes[h]
}

// Signature numbers a way to sign, for secret_sign and crypto_verify.
type Signature int32

// The signatures. crypto_verify also takes those of [HMAC].
const (
	SignEd25519 Signature = 1 // 64 bytes
	SignP256    Signature = 2 // ECDSA on P-256 with SHA-256, ASN.1 DER
	SignRSA     Signature = 3 // RSA PKCS #1 v1.5 with SHA-256, keys of MinRSABits to MaxRSABits

	verifyHMAC Signature = 16
)

// HMAC is the number that has crypto_verify check an HMAC: the key is the
// shared one, and the signature is the whole HMAC.
func HMAC(h Hash) Signature { return verifyHMAC + Signature(h) }

// HMAC returns the digest of an HMAC, or false for another signature.
func (s Signature) HMAC() (Hash, bool) {
	h := Hash(s - verifyHMAC)
	return h, h.Size() > 0
}

// The sizes of RSA keys that are accepted, in bits. A larger key than
// MaxSignRSABits verifies and does not sign: that would take a tenth of a
// second.
const (
	MinRSABits     = 2048
	MaxRSABits     = 8192
	MaxSignRSABits = 4096
)
