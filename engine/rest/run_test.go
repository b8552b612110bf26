package rest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// slowReady makes /readyz a request that takes as long as the test wants.
func slowReady(begun chan<- struct{}, end <-chan struct{}) func(*Options) {
	return func(o *Options) {
		o.Ready = func(ctx context.Context) error {
			begun <- struct{}{}
			select {
			case <-end:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

func TestAStopLetsRequestsFinish(t *testing.T) {
	begun, end := make(chan struct{}, 1), make(chan struct{})
	s := start(t, slowReady(begun, end))
	s.dial() // sends nothing, and holds nothing up
	status := make(chan int, 1)
	go func() { status <- s.do("GET", "/readyz", "", anonymous).status }()
	<-begun
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", s.addr)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	}, time.Second, 5*time.Millisecond, "nothing new is accepted")
	close(end)
	require.Equal(t, 200, <-status)
	require.NoError(t, <-stopped)
}

func TestAStopCutsOffWhatDoesNotEnd(t *testing.T) {
	begun := make(chan struct{}, 1)
	s := start(t, slowReady(begun, nil), func(o *Options) { o.ShutdownTimeout = 50 * time.Millisecond })
	go func() {
		r, err := http.NewRequest(http.MethodGet, s.url+"/readyz", nil)
		if err == nil {
			if resp, err := s.client.Do(r); err == nil {
				resp.Body.Close()
			}
		}
	}()
	<-begun
	started := time.Now()
	require.ErrorContains(t, s.stop(), "1 connections were cut off")
	require.Less(t, time.Since(started), time.Second)
}

func TestAStopBeforeTheStartIsAStop(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, New(Options{}).Run(ctx, ln))
	_, err = net.Dial("tcp", ln.Addr().String())
	require.Error(t, err)
}

func TestAListenerThatBreaksEndsTheServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- New(Options{}).Run(t.Context(), ln) }()
	time.Sleep(20 * time.Millisecond)
	require.NoError(t, ln.Close())
	require.ErrorContains(t, <-ended, "cannot accept connections")
}

func TestARequestThatTakesTooLongIsUndecided(t *testing.T) {
	s := start(t, slowReady(make(chan struct{}, 1), nil), func(o *Options) { o.RequestTimeout = 20 * time.Millisecond })
	refused(t, s.do("GET", "/readyz", "", anonymous), 503, "unavailable", "", "not ready")
}

// secured makes a site speak TLS, and gives it a client that trusts it.
func secured(t *testing.T, site func(change func(*Options)) *site) *site {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	s := site(func(o *Options) {
		o.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	})
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	s.client = &http.Client{Transport: transport}
	s.url = "https://" + s.addr
	return s
}

func TestTheServerSpeaksTLS(t *testing.T) {
	s := secured(t, func(change func(*Options)) *site { return start(t, change) })
	require.Equal(t, 200, s.do("GET", "/v1/applications", "").status)
	body := &endless{left: 1 << 30}
	r, err := http.NewRequest(http.MethodPost, s.url+"/v1/applications", body)
	require.NoError(t, err)
	refused(t, s.send(r), 413, "invalid", "", "262144")
}

func TestAnUnsetLogIsNoLog(t *testing.T) {
	require.Equal(t, slog.DiscardHandler, New(Options{}).log.Handler())
}
