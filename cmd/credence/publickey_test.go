package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keys is a fresh key pair in all the forms that files hold.
type keys struct {
	private                               *ecdsa.PrivateKey
	spki, certificate                     []byte
	publicPEM, certificatePEM, privatePEM []byte
}

func newKeys(tb testing.TB) keys {
	tb.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	spki, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	require.NoError(tb, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "device"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(tb, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(tb, err)
	return keys{
		private: private, spki: spki, certificate: certificate,
		publicPEM: inPEM("PUBLIC KEY", spki), certificatePEM: inPEM("CERTIFICATE", certificate), privatePEM: inPEM("PRIVATE KEY", pkcs8),
	}
}

func inPEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// A key on the curve secp256k1, which the standard library does not know.
const secp256k1 = "3056301006072a8648ce3d020106052b8104000a03420004" +
	"79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798" +
	"483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"

func TestPublicKeyIsFoundInEveryForm(t *testing.T) {
	k, other := newKeys(t), newKeys(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	rsaSPKI, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	require.NoError(t, err)
	strange, err := hex.DecodeString(secp256k1)
	require.NoError(t, err)
	for name, c := range map[string]struct{ content, want []byte }{
		"key, PEM":                    {k.publicPEM, k.spki},
		"key, DER":                    {k.spki, k.spki},
		"certificate, PEM":            {k.certificatePEM, k.spki},
		"certificate, DER":            {k.certificate, k.spki},
		"chain: the first counts":     {bytes.Join([][]byte{k.certificatePEM, other.certificatePEM}, nil), k.spki},
		"text around":                 {bytes.Join([][]byte{[]byte("Subject: x\n"), k.publicPEM, []byte("end\n")}, nil), k.spki},
		"parameters before":           {append(inPEM("EC PARAMETERS", []byte{6, 0}), k.publicPEM...), k.spki},
		"RSA, the older form":         {inPEM("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)), rsaSPKI},
		"a curve that is not ours":    {inPEM("PUBLIC KEY", strange), strange},
		"a curve that is not ours, 2": {strange, strange},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := publicKey(c.content)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestPublicKeyRefusesWhatIsNone(t *testing.T) {
	k := newKeys(t)
	ec, err := x509.MarshalECPrivateKey(k.private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k.private)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		content []byte
		want    error
	}{
		"private key":                 {k.privatePEM, errPrivateKey},
		"private key, older form":     {inPEM("EC PRIVATE KEY", ec), errPrivateKey},
		"private key, encrypted":      {inPEM("ENCRYPTED PRIVATE KEY", []byte{1}), errPrivateKey},
		"private key, DER":            {pkcs8, errPrivateKey},
		"private key, older form DER": {ec, errPrivateKey},
		"private after public":        {append(bytes.Clone(k.publicPEM), k.privatePEM...), errPrivateKey},
		"nothing":                     {nil, errNoKey},
		"text":                        {[]byte("hello"), errNoKey},
		"truncated":                   {k.spki[:20], errNoKey},
		"more behind":                 {append(bytes.Clone(k.spki), 0), errNoKey},
		"broken inside PEM":           {inPEM("PUBLIC KEY", []byte{1, 2}), errNoKey},
		"broken RSA":                  {inPEM("RSA PUBLIC KEY", []byte{1, 2}), errNoKey},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := publicKey(c.content)
			require.ErrorIs(t, err, c.want)
		})
	}
}

func FuzzPublicKeyNeverPanics(f *testing.F) {
	k := newKeys(f)
	for _, seed := range [][]byte{k.publicPEM, k.spki, k.certificatePEM, k.certificate, k.privatePEM} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		key, err := publicKey(content)
		require.Equal(t, err == nil, key != nil)
		if err == nil {
			again, err := publicKey(key)
			require.NoError(t, err)
			require.Equal(t, key, again)
		}
	})
}
