package rest

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// conns is a listener that knows its open connections, so that a stop can
// close those that wait for nothing and cut off those that do not end.
type conns struct {
	net.Listener

	mu   sync.Mutex // guards open
	open map[*conn]struct{}
}

// conn is one of them. Close, called by the HTTP server when it is done with
// the connection, ends its account.
type conn struct {
	net.Conn
	owner  *conns
	used   atomic.Bool // a byte has come
	linger atomic.Bool // the peer may be sending what nobody reads
}

func newConns(ln net.Listener) *conns {
	return &conns{Listener: ln, open: map[*conn]struct{}{}}
}

func (l *conns) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, owner: l}
	l.mu.Lock()
	l.open[c] = struct{}{}
	l.mu.Unlock()
	return c, nil
}

// Close stops accepting. Doing so twice is no error.
func (l *conns) Close() error {
	return unlessClosed(l.Listener.Close())
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.used.Load() {
		c.used.Store(true)
	}
	return n, err
}

func (c *conn) Close() error {
	if c.linger.CompareAndSwap(true, false) {
		c.drain()
	}
	c.owner.mu.Lock()
	delete(c.owner.open, c)
	c.owner.mu.Unlock()
	return c.Conn.Close()
}

// SetReadDeadline and SetWriteDeadline do not complain of a connection that a
// stop has closed: the HTTP server takes that for a defect of its own and
// panics, where the next read or write fails by itself.
func (c *conn) SetReadDeadline(t time.Time) error {
	return unlessClosed(c.Conn.SetReadDeadline(t))
}

// SetWriteDeadline is as SetReadDeadline.
func (c *conn) SetWriteDeadline(t time.Time) error {
	return unlessClosed(c.Conn.SetWriteDeadline(t))
}

func unlessClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// drain waits a moment for the peer to see the answer and stop sending. Closing
// at once would reset the connection, and the peer would lose the answer that
// says why. It reads slowly, so that most of a large body is never sent.
func (c *conn) drain() {
	const moment, pause, piece = time.Second, 5 * time.Millisecond, 32 << 10
	if half, ok := c.Conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	end := time.Now().Add(moment)
	if c.SetReadDeadline(end) != nil {
		return
	}
	for buffer := make([]byte, piece); time.Now().Before(end); time.Sleep(pause) {
		if _, err := c.Conn.Read(buffer); err != nil {
			return
		}
	}
}

// lingerOn makes the close of a connection, as the HTTP server knows it,
// gentle.
func lingerOn(served net.Conn) {
	if c, ok := underTLS(served).(*conn); ok {
		c.linger.Store(true)
	}
}

// breakOff closes a connection at once, without any farewell. It stays in the
// account until the HTTP server lets go of it.
func breakOff(served net.Conn) {
	if c, ok := underTLS(served).(*conn); ok {
		_ = c.Conn.Close()
	}
}

// underTLS is the connection below TLS, if there is any.
func underTLS(served net.Conn) net.Conn {
	if secured, ok := served.(interface{ NetConn() net.Conn }); ok {
		return secured.NetConn()
	}
	return served
}

// closeUnused closes connections on which nothing was ever sent: the HTTP
// server would wait for a first request.
func (l *conns) closeUnused() {
	l.each(func(c *conn) bool { return !c.used.Load() })
}

// closeAll closes all and returns how many there were.
func (l *conns) closeAll() int {
	return l.each(func(*conn) bool { return true })
}

// each closes the connections that which chooses. They stay in the account
// until the HTTP server lets go of them.
func (l *conns) each(which func(*conn) bool) (closed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		if which(c) {
			_ = c.Conn.Close()
			closed++
		}
	}
	return closed
}

// wait waits until the HTTP server has let go of all connections, and returns
// how many are left after d.
func (l *conns) wait(d time.Duration) int {
	for end := time.Now().Add(d); ; time.Sleep(5 * time.Millisecond) {
		l.mu.Lock()
		left := len(l.open)
		l.mu.Unlock()
		if left == 0 || time.Now().After(end) {
			return left
		}
	}
}
