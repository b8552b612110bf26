package wasmhost

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/credence-engine/credence/wasmabi"
)

// httpClient is how the modules of one service reach other systems. No other
// service shares its connections, and those to private addresses are apart from
// the others: a connection that stays open is not looked at again.
type httpClient struct {
	public, private *http.Transport
	// instead answers all requests in their place, for an author's sandbox.
	instead http.RoundTripper
}

// Bounds of the connections of one service.
const (
	maxConnections     = 64 // to one host
	maxIdleConnections = 16
	idleTimeout        = 30 * time.Second
	dialTimeout        = 5 * time.Second
	// maxHeadBytes is how much of the head of a response is read at most.
	maxHeadBytes = 64 << 10
)

func newHTTPClient(roots *x509.CertPool, resolver *net.Resolver) *httpClient {
	transport := func(least reach) *http.Transport {
		dialer := net.Dialer{
			Timeout: dialTimeout, Resolver: resolver,
			ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
				return admitAddress(address, least)
			},
		}
		return &http.Transport{
			// No Proxy: one from the environment would look up names itself.
			DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
				return dialer.DialContext(ctx, "tcp", address)
			},
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1 alone
			TLSHandshakeTimeout:    dialTimeout,
			DisableCompression:     true,
			MaxConnsPerHost:        maxConnections,
			MaxIdleConns:           maxIdleConnections,
			MaxIdleConnsPerHost:    maxIdleConnections,
			IdleConnTimeout:        idleTimeout,
			MaxResponseHeaderBytes: maxHeadBytes,
		}
	}
	return &httpClient{public: transport(public), private: transport(private)}
}

// errAddress tells that a name leads where no request may go.
var errAddress = errors.New("the address is private, or of a special kind")

// admitAddress looks at an address after a name was resolved and before a
// connection is made. Whatever the name resolved to when it was looked at
// before, this is where the connection goes.
func admitAddress(address string, least reach) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if reachOf(a.Addr()) < least {
		return errAddress
	}
	return nil
}

func (h *httpClient) close() {
	h.public.CloseIdleConnections()
	h.private.CloseIdleConnections()
}

// send sends a request and reads all of the response. Redirects are responses
// like others.
func (h *httpClient) send(r *http.Request, allowPrivate bool) (wasmabi.HTTPResponse, error) {
	var transport http.RoundTripper = h.public
	switch {
	case h.instead != nil:
		transport = h.instead
	case allowPrivate:
		transport = h.private
	}
	var out wasmabi.HTTPResponse
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return out, err
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode < http.StatusOK: // another protocol would follow
		return out, errProtocol
	case answer.ContentLength > wasmabi.MaxBodyBytes:
		return out, errLongBody
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, wasmabi.MaxBodyBytes+1))
	switch {
	case err != nil:
		return out, err
	case len(body) > wasmabi.MaxBodyBytes:
		return out, errLongBody
	}
	return wasmabi.HTTPResponse{Status: uint32(answer.StatusCode), Headers: answered(answer.Header), Body: body}, nil
}

var (
	errLongBody = errors.New("the body is longer than 64 KiB")
	errProtocol = errors.New("the server wants to speak another protocol")
)

// whyUnsent puts the failure of a request into words for operators. What the
// other side sent is not among them: it may hold a secret that it was sent.
func whyUnsent(err error) string {
	var (
		unresolved *net.DNSError
		unverified *tls.CertificateVerificationError
		network    *net.OpError
		timeout    interface{ Timeout() bool }
	)
	switch {
	case errors.Is(err, errAddress) || errors.Is(err, errLongBody) || errors.Is(err, errProtocol):
		return err.Error()
	case errors.As(err, &timeout) && timeout.Timeout():
		return "there was no answer in time"
	case errors.As(err, &unresolved):
		return "the name cannot be resolved"
	case errors.As(err, &unverified):
		return "the certificate is not trusted: " + unverified.Err.Error()
	case errors.As(err, &network) && network.Op == "dial":
		return "no connection: " + network.Err.Error()
	}
	return "the connection failed, or the response is not one of HTTP/1.1"
}
