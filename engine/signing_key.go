package engine

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"regexp"
)

// signingKeyIDBytes of the SHA-256 of the public key make its id.
const signingKeyIDBytes = 8

// SigningKeyID names a key that signs modules: 16 hexadecimal digits that
// follow from the key.
type SigningKeyID string

var signingKeyIDForm = regexp.MustCompile(`^[0-9a-f]{16}$`)

func (id SigningKeyID) check() error {
	if !signingKeyIDForm.MatchString(string(id)) {
		return Errorf(CodeInvalid, "%.80q is no id of a key: give 16 lower-case hexadecimal digits, as `credence module sign` prints them", string(id)).InField("/key")
	}
	return nil
}

// SigningKeyIDOf returns the id of a public key.
func SigningKeyIDOf(key ed25519.PublicKey) SigningKeyID {
	sum := sha256.Sum256(key)
	return SigningKeyID(hex.EncodeToString(sum[:signingKeyIDBytes]))
}

// TrustedKey is a public key whose signatures a node accepts, under the name
// that the operator gave it.
type TrustedKey struct {
	Name string
	Key  ed25519.PublicKey
}

// ParsePublicKey reads an Ed25519 public key: PEM (PUBLIC KEY), or base64 of
// its 32 bytes or of its DER form (SubjectPublicKeyInfo).
func ParsePublicKey(text []byte) (ed25519.PublicKey, error) {
	var der []byte
	if block, _ := pem.Decode(text); block != nil {
		if block.Type != "PUBLIC KEY" {
			return nil, Errorf(CodeInvalid, "the PEM file holds %s: a public key (PUBLIC KEY) is needed, as `openssl pkey -pubout` writes it", block.Type)
		}
		der = block.Bytes
	} else {
		var err error
		if der, err = base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text))); err != nil {
			return nil, Errorf(CodeInvalid, "this is no public key: neither PEM nor standard base64")
		}
	}
	if len(der) == ed25519.PublicKeySize {
		return der, nil
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	key, ok := parsed.(ed25519.PublicKey)
	if err != nil || !ok {
		return nil, Errorf(CodeInvalid, "this is no Ed25519 public key")
	}
	return key, nil
}

// ParsePrivateKey reads an Ed25519 private key: PEM, PKCS #8 without a
// password. No error shows any of it.
func ParsePrivateKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, Errorf(CodeInvalid, "this is no private key in PEM form (PRIVATE KEY): `openssl genpkey -algorithm ed25519` makes one")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, Errorf(CodeInvalid, "this is no Ed25519 private key: `openssl genpkey -algorithm ed25519` makes one")
	}
	return key, nil
}
