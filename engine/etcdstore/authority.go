package etcdstore

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
)

// MinSecretBytes is the least length of a cluster's secret. All that protects
// the cluster follows from it, and whoever sees a certificate can try guesses
// at home.
const MinSecretBytes = 32

// memberHost is the name in the certificate of every member. Who holds the
// secret can make a certificate for any name, so names prove nothing beyond
// that, and a member may have any address, also behind a translation of them.
const memberHost = "member.credence-cluster.internal"

// Certificates hold from and to these moments, so that no clock decides
// whether members speak to each other. The last is RFC 5280's "no end".
var (
	notBefore = time.Unix(0, 0).UTC()
	notAfter  = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
)

// authority is what follows from the secret of a cluster: the key that signs
// its members' certificates, and keys for other purposes.
type authority struct {
	secret string
	key    ed25519.PrivateKey
	cert   *x509.Certificate // the same on every member, to the byte
}

func newAuthority(secret string) (*authority, error) {
	if len(secret) < MinSecretBytes {
		return nil, fmt.Errorf("the secret of the cluster has %d characters: give at least %d, as `openssl rand -base64 32` makes them", len(secret), MinSecretBytes)
	}
	a := &authority{secret: secret}
	a.key = ed25519.NewKeyFromSeed(a.derive("certificates", ed25519.SeedSize))
	public, _ := a.key.Public().(ed25519.PublicKey)
	sum := sha256.Sum256(public)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "credence cluster " + hex.EncodeToString(sum[:4])},
		NotBefore: notBefore, NotAfter: notAfter,
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, a.key)
	if err != nil {
		return nil, fmt.Errorf("the authority of the cluster cannot be made: %w", err)
	}
	a.cert, err = x509.ParseCertificate(der)
	return a, err
}

// derive returns a key for one purpose, from which neither the secret nor a
// key for another purpose follows.
func (a *authority) derive(purpose string, size int) []byte {
	key, err := hkdf.Key(sha256.New, []byte(a.secret), nil, "credence cluster v1: "+purpose, size)
	if err != nil {
		panic(err) // only for a size that SHA-256 cannot give
	}
	return key
}

// clusterToken is what etcd tells clusters apart by.
func (a *authority) clusterToken() string {
	const size = 16
	return hex.EncodeToString(a.derive("etcd cluster token", size))
}

// issue makes a certificate and its key, DER.
func (a *authority) issue(name string) (cert, key []byte, err error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	const serialBits = 127
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil {
		return nil, nil, err
	}
	cert, err = x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{memberHost},
		NotBefore: notBefore, NotAfter: notAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, public, a.key)
	if err != nil {
		return nil, nil, err
	}
	key, err = x509.MarshalPKCS8PrivateKey(private)
	return cert, key, err
}

// files writes the authority's certificate and a new one of this member where
// etcd, which takes files only, finds them.
func (a *authority) files(dir, name string) (transport.TLSInfo, error) {
	cert, key, err := a.issue(name)
	if err != nil {
		return transport.TLSInfo{}, fmt.Errorf("a certificate for this member cannot be made: %w", err)
	}
	info := transport.TLSInfo{
		TrustedCAFile: filepath.Join(dir, "ca.crt"), CertFile: filepath.Join(dir, "member.crt"), KeyFile: filepath.Join(dir, "member.key"),
		ClientCertAuth: true, SkipClientSANVerify: true, ServerName: memberHost,
	}
	err = errors.Join(
		writePEM(info.TrustedCAFile, "CERTIFICATE", a.cert.Raw),
		writePEM(info.CertFile, "CERTIFICATE", cert),
		writePEM(info.KeyFile, "PRIVATE KEY", key),
	)
	if err != nil {
		return transport.TLSInfo{}, fmt.Errorf("the certificates of this member cannot be kept: %w", err)
	}
	return info, nil
}

// client is how somebody with the secret, who need not be a member, speaks to
// members.
func (a *authority) client(name string) (*tls.Config, error) {
	cert, key, err := a.issue(name)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(encodePEM("CERTIFICATE", cert), encodePEM("PRIVATE KEY", key))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, ServerName: memberHost, MinVersion: tls.VersionTLS13}, nil
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func writePEM(path, kind string, der []byte) error {
	return writeWhole(path, encodePEM(kind, der))
}

// writeWhole writes a file that only its owner can read, whole or not at all.
func writeWhole(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
