//go:build linux

package robustness

import (
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// connect gives both ends of a connection over a link.
func connect(t *testing.T, l *link) (client, server net.Conn) {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	dial := func() (net.Conn, error) { return net.Dial("unix", listener.Addr().String()) }
	r := startRelay(t, "tcp", "127.0.0.1:0", dial, func(net.Conn) *link { return l })
	client, err = net.Dial("tcp", r.listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	server, err = listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { server.Close() })
	return client, server
}

func send(t *testing.T, to net.Conn, text string) {
	t.Helper()
	_, err := to.Write([]byte(text))
	require.NoError(t, err)
}

func receive(t *testing.T, from net.Conn, text string) {
	t.Helper()
	require.NoError(t, from.SetReadDeadline(time.Now().Add(10*time.Second)))
	got := make([]byte, len(text))
	_, err := io.ReadFull(from, got)
	require.NoError(t, err)
	require.Equal(t, text, string(got))
}

// nothing requires that nothing arrives for some time.
func nothing(t *testing.T, from net.Conn) {
	t.Helper()
	require.NoError(t, from.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := from.Read(make([]byte, 1))
	require.ErrorContains(t, err, "timeout")
}

// A link that is cut one way holds back what goes that way, and delivers it
// when it is healed.
func TestALinkIsCutOneWay(t *testing.T) {
	for name, d := range map[string]direction{"forth": forth, "back": back} {
		t.Run(name, func(t *testing.T) {
			l := newLink()
			client, server := connect(t, l)
			from, to := client, server
			if d == back {
				from, to = server, client
			}
			send(t, from, "before")
			receive(t, to, "before")
			l.set(d == forth, d == back, 0)
			send(t, from, "held back")
			send(t, to, "the other way")
			receive(t, from, "the other way")
			nothing(t, to)
			l.heal()
			receive(t, to, "held back")
		})
	}
}

func TestALinkDelays(t *testing.T) {
	l := newLink()
	client, server := connect(t, l)
	const delay = 100 * time.Millisecond
	l.set(false, false, delay)
	began := time.Now()
	send(t, client, "late")
	receive(t, server, "late")
	require.GreaterOrEqual(t, time.Since(began), delay)
}

func TestALinkIsReset(t *testing.T) {
	l := newLink()
	client, server := connect(t, l)
	send(t, client, "before")
	receive(t, server, "before")
	l.reset()
	require.NoError(t, client.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err := client.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, net.ErrClosed)
	require.NotContains(t, err.Error(), "timeout")
}
