//go:build linux

package robustness

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// direction is one of the two in which bytes pass a link.
type direction int

const (
	forth direction = iota // from who has dialled
	back
)

// link is the way between two parties. Bytes that it holds back are delivered
// when it is healed, as those of a broken network are.
type link struct {
	mu      sync.Mutex
	changed chan struct{} // closed when what follows changes
	cut     [2]bool
	delay   time.Duration
	conns   map[net.Conn]bool
}

func newLink() *link { return &link{changed: make(chan struct{}), conns: map[net.Conn]bool{}} }

// set changes the link: bytes of the directions that are cut wait, the others
// arrive after a delay.
func (l *link) set(cutForth, cutBack bool, delay time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut, l.delay = [2]bool{cutForth, cutBack}, delay
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *link) heal() { l.set(false, false, 0) }

// reset breaks all connections.
func (l *link) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.conns {
		conn.Close()
	}
}

func (l *link) state(d direction) (cut bool, delay time.Duration, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut[d], l.delay, l.changed
}

// chunk is what was read at once.
type chunk struct {
	bytes []byte
	read  time.Time
}

// longestQueue is how many chunks a link takes while it does not deliver. The
// sender then waits, as with a full window.
const longestQueue = 256

// carry joins two connections until one of them ends.
func (l *link) carry(client, server net.Conn) {
	l.mu.Lock()
	l.conns[client], l.conns[server] = true, true
	l.mu.Unlock()
	ended := make(chan struct{})
	var once sync.Once
	end := func() {
		once.Do(func() {
			close(ended)
			client.Close()
			server.Close()
		})
	}
	var both sync.WaitGroup
	for d, pair := range [2][2]net.Conn{forth: {client, server}, back: {server, client}} {
		queue := make(chan chunk, longestQueue)
		both.Go(func() {
			defer close(queue)
			read(pair[0], queue, ended)
		})
		both.Go(func() {
			defer end()
			l.deliver(pair[1], queue, direction(d), ended)
		})
	}
	both.Wait()
	l.mu.Lock()
	delete(l.conns, client)
	delete(l.conns, server)
	l.mu.Unlock()
}

func read(from net.Conn, queue chan<- chunk, ended <-chan struct{}) {
	for {
		buffer := make([]byte, 16<<10)
		n, err := from.Read(buffer)
		if n > 0 {
			select {
			case queue <- chunk{buffer[:n], time.Now()}:
			case <-ended:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// deliver writes what arrives in the queue once the link lets it through.
func (l *link) deliver(to net.Conn, queue <-chan chunk, d direction, ended <-chan struct{}) {
	for c := range queue {
		for {
			cut, delay, changed := l.state(d)
			var due <-chan time.Time
			if left := time.Until(c.read.Add(delay)); !cut && left <= 0 {
				break
			} else if !cut {
				due = time.After(left)
			}
			select {
			case <-due:
			case <-changed:
			case <-ended:
				return
			}
		}
		if _, err := to.Write(c.bytes); err != nil {
			return
		}
	}
}

// relay listens in the place of a server, and takes each connection over one
// of several links to it.
type relay struct {
	listener net.Listener
	dial     func() (net.Conn, error)
	link     func(net.Conn) *link // nil: refuse
	wg       sync.WaitGroup

	mu   sync.Mutex
	used map[*link]bool
}

func startRelay(t testing.TB, network, address string, dial func() (net.Conn, error), pick func(net.Conn) *link) *relay {
	t.Helper()
	listener, err := net.Listen(network, address)
	require.NoError(t, err)
	r := &relay{listener: listener, dial: dial, link: pick, used: map[*link]bool{}}
	r.wg.Go(r.serve)
	t.Cleanup(r.stop)
	return r
}

func (r *relay) stop() {
	r.listener.Close()
	r.mu.Lock()
	for link := range r.used {
		link.reset()
	}
	r.mu.Unlock()
	r.wg.Wait()
}

func (r *relay) serve() {
	for {
		client, err := r.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		l := r.link(client)
		if l == nil {
			client.Close()
			continue
		}
		server, err := r.dial()
		if err != nil {
			client.Close()
			continue
		}
		r.mu.Lock()
		r.used[l] = true
		r.mu.Unlock()
		r.wg.Go(func() { l.carry(client, server) })
	}
}
