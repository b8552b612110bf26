//go:build linux

package robustness

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	nodeCount = 3
	password  = "a password of the tests"
	// secretsKey encrypts the keys of sessions.
	secretsKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	// lease is how long a node counts as live after the loss of touch. It is
	// short, so that faults can be longer.
	lease = 3 * time.Second
	// requestTimeout is after how long a node gives up, and patience after how
	// long a client does.
	requestTimeout = 4 * time.Second
	patience       = 6 * time.Second
)

// node is a running "credence serve" that reaches each member over a link of
// its own.
type node struct {
	process

	binary    string
	endpoints []string
	env       []string
	links     [memberCount]*link
	url       atomic.Value // a string; empty until it serves
	client    *http.Client
}

func newNode(t testing.TB, dir, name, binary string, c *members, env ...string) *node {
	t.Helper()
	n := &node{process: newProcess(dir, name), binary: binary, env: env, client: &http.Client{
		Timeout:   patience,
		Transport: &http.Transport{MaxIdleConnsPerHost: 512},
	}}
	n.url.Store("")
	for i, m := range c.all {
		l := newLink()
		n.links[i] = l
		r := startRelay(t, "tcp", "127.0.0.1:0", m.dial, func(net.Conn) *link { return l })
		n.endpoints = append(n.endpoints, r.listener.Addr().String())
	}
	t.Cleanup(func() { n.kill(); n.client.CloseIdleConnections() })
	return n
}

// serving is what a node logs when it listens.
var serving = regexp.MustCompile(`msg=serving .*\baddress=(\S+)`)

// start runs the node until it serves, again if need be, since one that cannot
// reach etcd ends.
func (n *node) start(ctx context.Context, t testing.TB) error {
	for {
		n.run(t)
		for n.alive() && ctx.Err() == nil {
			if n.url.Load() == "" {
				n.findAddress()
			} else if n.ready(ctx) {
				return nil
			}
			wait(ctx, 20*time.Millisecond)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (n *node) run(t testing.TB) {
	n.url.Store("")
	cmd := exec.Command(n.binary, "serve", "--listen", "127.0.0.1:0", "--data-dir", n.dir+"/"+n.name, "--node-id", n.name,
		"--etcd-endpoints", strings.Join(n.endpoints, ","))
	cmd.Env = append(os.Environ(), "CREDENCE_BOOTSTRAP_PASSWORD="+password, "CREDENCE_SECRETS__KEY="+secretsKey, "CREDENCE_NODE__LEASE="+lease.String(),
		"CREDENCE_HTTP__REQUEST_TIMEOUT="+requestTimeout.String(), clockEnv+"="+n.clock())
	cmd.Env = append(cmd.Env, n.env...)
	n.launch(t, cmd)
}

// findAddress looks where this life of the node listens.
func (n *node) findAddress() {
	text, err := os.ReadFile(n.log())
	if err != nil {
		return
	}
	if found := serving.FindSubmatch(text[n.began:]); found != nil {
		n.url.Store("http://" + string(found[1]))
	}
}

func (n *node) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url.Load().(string)+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := n.client.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// wait returns after d, or when ctx is done.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
