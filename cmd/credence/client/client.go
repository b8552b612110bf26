package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	// dialTimeout is how long the first packet back may take: an address where
	// nothing answers is noticed long before the time of a whole request.
	dialTimeout = 5 * time.Second
	// maxAnswerBytes bounds what is read of one answer. The largest is a page
	// of credentials: pageSize bodies of 64 KiB, in base64.
	maxAnswerBytes = 64 << 20
	// pageSize is the number of items asked for at a time.
	pageSize = "500"
)

// Options say which server to speak to, and as whom.
type Options struct {
	// Server is the base address: http or https, a host, perhaps a path.
	Server string
	// User and Password log in (HTTP Basic).
	User, Password string
	// CAFile is the path of the authorities that may have signed the server's
	// certificate, PEM. Empty: the system's.
	CAFile string
	// Timeout bounds one request, from the dial to the last byte of the answer.
	// 0: no bound but the context's.
	Timeout time.Duration
}

// Client speaks to one server. It is safe for concurrent use.
type Client struct {
	base           string // without a slash at its end
	user, password string
	http           *http.Client
}

// New makes a client. It fails when the address or the authorities cannot be
// used; nothing is sent.
func New(o Options) (*Client, error) {
	base, err := parseServer(o.Server)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout: dialTimeout,
		ForceAttemptHTTP2:   true,
	}
	if o.CAFile != "" {
		authorities, err := readAuthorities(o.CAFile)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}
	}
	return &Client{
		base: base, user: o.User, password: o.Password,
		http: &http.Client{
			Transport: transport,
			Timeout:   o.Timeout,
			// A redirect would carry the login and a write to an address that
			// nobody named; it is reported instead.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close gives up idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func parseServer(server string) (string, error) {
	u, err := url.Parse(server)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return "", errors.New("the server's address must look like http://127.0.0.1:8080 or https://host")
	case u.User != nil:
		return "", errors.New("the server's address must not hold a login: addresses end up in logs and histories")
	case u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("the server's address must end with its host or a path, without ? or #")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func readAuthorities(path string) (*x509.CertPool, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", path)
	}
	return pool, nil
}

// request is one call of the API.
type request struct {
	method string
	path   string // of escaped segments, see at
	query  url.Values
	body   any // nil, []byte (a module), Lines, or what encoding/json encodes
}

// at joins path segments, each of which may hold any character.
func at(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteByte('/')
		escape(&b, s)
	}
	return b.String()
}

// escape writes one path segment. More is escaped than url.PathEscape does:
// servers and proxies disagree about + and =, and take . and .. for steps.
func escape(b *strings.Builder, segment string) {
	onlyDots := strings.Trim(segment, ".") == ""
	for i := range len(segment) {
		c := segment[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '_', c == '~', c == '.' && !onlyDots:
			b.WriteByte(c)
		default:
			fmt.Fprintf(b, "%%%02X", c)
		}
	}
}

// send makes the request and returns the status and the body of a success. All
// else is an error: an *Error when the server gave its reason, an
// *UnreachableError when the request did not get there.
func (c *Client) send(ctx context.Context, r request) (int, []byte, error) {
	req, err := c.prepare(ctx, r)
	if err != nil {
		return 0, nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, c.noAnswer(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err != nil {
		return 0, nil, c.noAnswer(ctx, err)
	}
	if len(body) > maxAnswerBytes {
		return 0, nil, fmt.Errorf("the answer of %s is larger than %d MiB", c.base, maxAnswerBytes>>20)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return 0, nil, c.refusal(resp, body)
	}
	return resp.StatusCode, body, nil
}

func (c *Client) prepare(ctx context.Context, r request) (*http.Request, error) {
	var (
		body        io.Reader = http.NoBody
		contentType string
	)
	switch b := r.body.(type) {
	case nil:
	case []byte:
		body, contentType = bytes.NewReader(b), "application/wasm"
	case Lines:
		body, contentType = bytes.NewReader(b), "application/x-ndjson"
	default:
		var encoded bytes.Buffer
		encoder := json.NewEncoder(&encoded)
		encoder.SetEscapeHTML(false) // what the user wrote, as the user wrote it
		if err := encoder.Encode(b); err != nil {
			return nil, fmt.Errorf("cannot encode the request: %w", err)
		}
		body, contentType = &encoded, "application/json"
	}
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, body)
	if err != nil {
		return nil, fmt.Errorf("cannot make the request: %w", err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("Accept", "application/json, application/x-ndjson, application/problem+json")
	req.Header.Set("User-Agent", "credence")
	req.SetBasicAuth(c.user, c.password)
	return req, nil
}
