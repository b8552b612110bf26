package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"strings"
)

var (
	errNoKey      = errors.New("holds no public key: expected PEM (PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE) or DER")
	errPrivateKey = errors.New("holds a private key, which belongs to the device alone: give its public half (openssl pkey -pubout)")
)

// publicKey returns the key of a file's content as X.509 SubjectPublicKeyInfo
// in DER form, of which the ids of credentials are the hash.
func publicKey(content []byte) ([]byte, error) {
	var key []byte
	rest := content
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return nil, errPrivateKey
		}
		if found := keyOfBlock(block); key == nil {
			key = found // of a chain, the first certificate is the endpoint's
		}
	}
	if key == nil {
		key = keyOfDER(content)
	}
	switch {
	case key != nil:
		return key, nil
	case isPrivateKey(content):
		return nil, errPrivateKey
	}
	return nil, errNoKey
}

func keyOfBlock(block *pem.Block) []byte {
	switch block.Type {
	case "PUBLIC KEY", "CERTIFICATE":
		return keyOfDER(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err := x509.ParsePKCS1PublicKey(block.Bytes)
		if err != nil {
			return nil
		}
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return nil
		}
		return der
	}
	return nil
}

// keyOfDER takes a public key or a certificate. Of a key it looks at the
// structure only: devices use algorithms that the standard library does not
// know.
func keyOfDER(der []byte) []byte {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if rest, err := asn1.Unmarshal(der, &info); err == nil && len(rest) == 0 {
		return der
	}
	if parsed, err := x509.ParseCertificate(der); err == nil {
		return parsed.RawSubjectPublicKeyInfo
	}
	return nil
}

func isPrivateKey(der []byte) bool {
	if _, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return true
	}
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return true
	}
	_, err := x509.ParseECPrivateKey(der)
	return err == nil
}
