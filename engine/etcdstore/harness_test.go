package etcdstore

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/credence-engine/credence/engine"
)

// cluster is an external etcd of one member that can be stopped and started.
type cluster struct {
	t     testing.TB
	dir   string
	tls   *certificates // nil: plain
	addr  string        // of its clients, known from the first start on
	quota int64         // 0: etcd's default
	etcd  *embed.Etcd
}

func startCluster(t testing.TB, tls *certificates) *cluster { return startClusterOf(t, tls, 0) }

// startClusterOf starts one with a quota of its database.
func startClusterOf(t testing.TB, tls *certificates, quota int64) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), tls: tls, addr: "127.0.0.1:0", quota: quota}
	c.start()
	t.Cleanup(c.stop)
	return c
}

func (c *cluster) start() {
	c.t.Helper()
	scheme := "http"
	config := embed.NewConfig()
	if c.tls != nil {
		scheme = "https"
		config.ClientTLSInfo = transport.TLSInfo{
			CertFile: c.tls.file("server.crt"), KeyFile: c.tls.file("server.key"),
			TrustedCAFile: c.tls.file("ca.crt"), ClientCertAuth: true,
		}
	}
	clients := []url.URL{{Scheme: scheme, Host: c.addr}}
	config.Name = "external"
	config.Dir = c.dir
	config.TickMs, config.ElectionMs = 10, 100
	config.QuotaBackendBytes = c.quota
	config.ListenPeerUrls = nil
	config.AdvertisePeerUrls = []url.URL{{Scheme: "unix", Path: "/nowhere"}}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.ListenClientUrls, config.AdvertiseClientUrls = clients, clients
	config.EnableGRPCGateway = false
	config.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	etcd, err := embed.StartEtcd(config)
	require.NoError(c.t, err)
	<-etcd.Server.ReadyNotify()
	c.etcd, c.addr = etcd, etcd.Clients[0].Addr().String()
}

func (c *cluster) stop() {
	if c.etcd != nil {
		c.etcd.Close()
		c.etcd = nil
	}
}

// logBuffer takes what a store logs.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// open opens a store that the test closes at its end.
func open(t testing.TB, o Options) *Store {
	t.Helper()
	store, err := Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// expiring is a store whose lease the suite can end, as an operator would.
type expiring struct{ *Store }

func (s expiring) Expire() {
	s.lease.mu.Lock()
	id := s.lease.id
	s.lease.mu.Unlock()
	_, _ = s.client.Revoke(context.Background(), id)
}

func put(key, value string) engine.Commit {
	return engine.Commit{Writes: []engine.Write{{Key: key, Value: []byte(value)}}}
}

// valueOf returns what a key holds, "" when it is absent.
func valueOf(t testing.TB, store engine.Store, key string) string {
	t.Helper()
	snap, err := store.Read(t.Context(), engine.Strict, key)
	require.NoError(t, err)
	return string(snap.Records[0].Value)
}

// proxy passes the bytes of TCP connections on to a server, and can lose them.
type proxy struct {
	target   string
	listener net.Listener
	// loseAnswers and loseRequests count the answers or requests that are
	// still to be lost; with each, its connection is cut.
	loseAnswers, loseRequests atomic.Int32
	stalled                   atomic.Bool // nothing passes, and nothing is cut

	mu    sync.Mutex
	conns map[net.Conn]bool
	wg    sync.WaitGroup
}

func startProxy(t testing.TB, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{target: target, listener: listener, conns: map[net.Conn]bool{}}
	p.wg.Go(p.serve)
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		p.wg.Go(func() { p.pass(server, client, &p.loseRequests) })
		p.wg.Go(func() { p.pass(client, server, &p.loseAnswers) })
	}
}

func (p *proxy) pass(to, from net.Conn, lose *atomic.Int32) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		for p.stalled.Load() && err == nil {
			time.Sleep(time.Millisecond)
			err = p.gone(from)
		}
		if err != nil {
			return
		}
		if n > smallFrames && lose.Add(-1) >= 0 {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// smallFrames is larger than the frames by which HTTP/2 keeps itself going,
// and smaller than a request or an answer.
const smallFrames = 40

func (p *proxy) gone(conn net.Conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.conns[conn] {
		return io.EOF
	}
	return nil
}

// cut closes all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		conn.Close()
	}
	clear(p.conns)
}

// certificates are an authority and what it has signed, as PEM files.
type certificates struct {
	t   testing.TB
	dir string
	ca  *x509.Certificate
	key *ecdsa.PrivateKey
}

func makeCertificates(t testing.TB) *certificates {
	t.Helper()
	c := &certificates{t: t, dir: t.TempDir()}
	c.ca, c.key = c.sign("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	for _, name := range []string{"server", "client"} {
		c.sign(name, &x509.Certificate{
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		})
	}
	return c
}

func (c *certificates) file(name string) string { return filepath.Join(c.dir, name) }

func (c *certificates) sign(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(c.t, err)
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.Subject = pkix.Name{CommonName: fmt.Sprint("credence test ", name)}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := template, key
	if c.ca != nil {
		parent, signer = c.ca, c.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(c.t, err)
	c.write(name+".crt", "CERTIFICATE", der)
	der, err = x509.MarshalECPrivateKey(key)
	require.NoError(c.t, err)
	c.write(name+".key", "EC PRIVATE KEY", der)
	return template, key
}

func (c *certificates) write(name, kind string, der []byte) {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	require.NoError(c.t, os.WriteFile(c.file(name), text, 0o600))
}

// How long a test waits for what happens in the background.
const (
	patience = 20 * time.Second
	poll     = 5 * time.Millisecond
)
