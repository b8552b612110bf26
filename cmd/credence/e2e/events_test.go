package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// eventsEnv is how many revocations the figure of their events is taken from.
const eventsEnv = "CREDENCE_E2E_EVENTS"

// gateway follows the sessions that end, on one node. The channel gets the
// credentials and the moment at which the event came.
func gateway(t *testing.T, node *server, app string) <-chan told {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	query := "?types=sessions.ended&application=" + strings.TrimPrefix(app, "/v1/applications/")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, node.url+"/v1/events"+query, http.NoBody)
	require.NoError(t, err)
	request.SetBasicAuth("admin", password)
	response, err := http.DefaultClient.Do(request) //nolint:bodyclose // by the reader, below
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	live, events := make(chan struct{}), make(chan told, 10000)
	go func() {
		defer response.Body.Close()
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			if lines.Text() == "event: live" {
				close(live)
			}
			var e struct{ CredentialsID string }
			if data, found := strings.CutPrefix(lines.Text(), "data: "); found && json.Unmarshal([]byte(data), &e) == nil && e.CredentialsID != "" {
				events <- told{e.CredentialsID, time.Now()}
			}
		}
	}()
	select {
	case <-live:
	case <-time.After(20 * time.Second):
		t.Fatal("the stream does not come to the present")
	}
	return events
}

type told struct {
	credentials string
	at          time.Time
}

// A revocation on one node reaches the gateways of the other.
func TestARevocationReachesAGatewayOfAnotherNode(t *testing.T) {
	e := newEtcd(t)
	nodes := newNodes(t, e, 2)
	app := nodes[0].app("line", "Internal")
	events := gateway(t, nodes[1], app)
	n := 10
	if text := os.Getenv(eventsEnv); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	for _, wait := range []string{"", "?wait=enforced"} {
		asked, answered := make([]time.Duration, n), make([]time.Duration, n)
		for i := range n {
			id := fmt.Sprint("c", i, len(wait))
			nodes[0].must(http.StatusCreated, http.MethodPost, app+"/credentials", object{"id": id, "body": "eA=="})
			began := time.Now()
			nodes[0].must(http.StatusOK, http.MethodPost, app+"/credentials/"+id+"/revoke"+wait, nil)
			answer := time.Since(began)
			select {
			case e := <-events:
				require.Equal(t, id, e.credentials)
				asked[i] = e.at.Sub(began)
				answered[i] = asked[i] - answer
			case <-time.After(20 * time.Second):
				t.Fatalf("no event of the revocation of %s", id)
			}
		}
		slices.Sort(asked)
		slices.Sort(answered)
		t.Logf("revoke%s on one node, event at a gateway of another, %d times: after the request median %v, p99 %v, longest %v; after its answer median %v, p99 %v, longest %v (negative: before it)",
			wait, n, asked[n/2], asked[n*99/100], asked[n-1], answered[n/2], answered[n*99/100], answered[n-1])
	}
}

// door is an address that leads to one node, until it is cut and leads to
// another.
type door struct {
	listener net.Listener
	mu       sync.Mutex
	to       string
	open     []net.Conn
}

func newDoor(t *testing.T, to *server) *door {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	d := &door{listener: listener, to: strings.TrimPrefix(to.url, "http://")}
	t.Cleanup(func() { _ = listener.Close(); d.cut(to) })
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			d.mu.Lock()
			out, err := net.Dial("tcp", d.to)
			d.open = append(d.open, in)
			d.mu.Unlock()
			if err != nil {
				_ = in.Close()
				continue
			}
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
		}
	}()
	return d
}

func (d *door) cut(next *server) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.open {
		_ = c.Close()
	}
	d.open, d.to = nil, strings.TrimPrefix(next.url, "http://")
}

// The command shows each event once though its connection is cut again and
// again, and leads to another node each time.
func TestTheEventsCommandGoesOnAtAnotherNode(t *testing.T) {
	e := newEtcd(t)
	nodes := newNodes(t, e, 2)
	app := nodes[0].app("line", "Internal")
	d := newDoor(t, nodes[0])
	cmd := exec.Command(binary, "events", "--server", "http://"+d.listener.Addr().String(), "--app", "line", "--type", "credentials.provisioned", "--after", "1", "-o", "json")
	cmd.Env = append(os.Environ(), "CREDENCE_PASSWORD="+password)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	for i := range 5 {
		id := fmt.Sprint("c", i)
		nodes[i%2].must(http.StatusCreated, http.MethodPost, app+"/credentials", object{"id": id, "body": "eA=="})
		select {
		case line := <-lines:
			require.Contains(t, line, `"credentialsId":"`+id+`"`)
		case <-time.After(20 * time.Second):
			t.Fatalf("no event of %s", id)
		}
		d.cut(nodes[(i+1)%2])
	}
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	for line := range lines {
		t.Errorf("an event came again: %s", line)
	}
	require.NoError(t, cmd.Wait(), "an interrupt is how it ends")
}

// A node that stops ends its streams with words, and does not wait for them.
func TestANodeStopsWithOpenStreams(t *testing.T) {
	s := newServer(t)
	app := s.app("line", "Internal")
	for range 20 {
		gateway(t, s, app)
	}
	require.Less(t, s.stop(), 8*time.Second)
	require.NotContains(t, s.output(), "cut off")
}
