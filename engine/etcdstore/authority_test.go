package etcdstore

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheAuthorityOfASecretIsTheSameEverywhere(t *testing.T) {
	a, err := newAuthority(testSecret)
	require.NoError(t, err)
	b, err := newAuthority(testSecret)
	require.NoError(t, err)
	require.Equal(t, a.cert.Raw, b.cert.Raw)
	other, err := newAuthority(testSecret + "!")
	require.NoError(t, err)
	require.NotEqual(t, a.cert.PublicKey, other.cert.PublicKey)
	require.NotEqual(t, a.clusterToken(), other.clusterToken())
	require.NotEqual(t, a.derive("one", 32), a.derive("another", 32))
	_, err = newAuthority(testSecret[:MinSecretBytes-1])
	require.ErrorContains(t, err, "at least 32")
}

// Neither a clock that is wrong nor a process that runs for years ends the
// trust of members in each other, and only what the secret signed has it.
func TestCertificatesHoldAtAnyTimeAndForTheirAuthorityOnly(t *testing.T) {
	a, err := newAuthority(testSecret)
	require.NoError(t, err)
	other, err := newAuthority(testSecret + "!")
	require.NoError(t, err)
	der, _, err := a.issue("n0")
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	verify := func(by *authority, name string, at time.Time) error {
		roots := x509.NewCertPool()
		roots.AddCert(by.cert)
		_, err := cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		return err
	}
	for _, at := range []time.Time{time.Unix(1, 0), time.Now(), time.Now().AddDate(100, 0, 0)} {
		require.NoError(t, verify(a, memberHost, at))
		require.Error(t, verify(other, memberHost, at))
		require.Error(t, verify(a, "10.0.0.1", at))
	}
	second, _, err := a.issue("n0")
	require.NoError(t, err)
	require.NotEqual(t, der, second, "each start has a certificate and a key of its own")
}

func TestWhatAMemberKeepsIsItsOwnersOnly(t *testing.T) {
	a, err := newAuthority(testSecret)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, identity{Name: "n0", Secret: testSecret}.save(dir))
	_, err = a.files(clusterDir(dir), "n0")
	require.NoError(t, err)
	files, err := os.ReadDir(clusterDir(dir))
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, file := range files {
		info, err := os.Stat(filepath.Join(clusterDir(dir), file.Name()))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode(), file.Name())
	}
}
