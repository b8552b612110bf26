//go:build linux

package robustness

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// memberEnv makes the test binary a member of etcd: a memberConfig as JSON.
const memberEnv = "CREDENCE_ROBUSTNESS_MEMBER"

// memberConfig is what a member is started with. All sockets lie in its working
// directory, so that no port is needed.
type memberConfig struct {
	Name    string
	Cluster string // name=URL,…, the URLs being those of the relays
}

func clientSocket(name string) string { return "client-" + name + ":1" }
func peerSocket(name string) string   { return "peer-" + name + ":1" }  // where it listens
func relaySocket(name string) string  { return "relay-" + name + ":1" } // where others reach it

const (
	memberCount = 3
	// quota is the size of the database, in bytes, at which etcd takes no more.
	quota = 64 << 20
)

// serveMember runs a member until the process is killed, or the test is gone.
// Each line of its standard input says how much longer writes to its disk take.
func serveMember() {
	var m memberConfig
	if err := json.Unmarshal([]byte(os.Getenv(memberEnv)), &m); err != nil {
		panic(err)
	}
	socket := func(name string) []url.URL { return []url.URL{{Scheme: "unix", Host: name}} }
	config := embed.NewConfig()
	config.Name, config.Dir, config.QuotaBackendBytes = m.Name, m.Name, quota
	config.ListenClientUrls, config.AdvertiseClientUrls = socket(clientSocket(m.Name)), socket(clientSocket(m.Name))
	config.ListenPeerUrls, config.AdvertisePeerUrls = socket(peerSocket(m.Name)), socket(relaySocket(m.Name))
	config.InitialCluster = m.Cluster
	config.SnapshotCount, config.SnapshotCatchUpEntries = 2000, 500 // who was away for long is sent a snapshot
	config.EnableGRPCGateway = false
	config.LogLevel = "warn"
	if _, err := embed.StartEtcd(config); err != nil {
		panic(err)
	}
	var d disk
	for {
		var line string
		if _, err := fmt.Scanln(&line); err != nil {
			os.Exit(0)
		}
		delay, err := time.ParseDuration(line)
		if err == nil {
			err = d.slow(delay)
		}
		if err != nil {
			panic(err)
		}
	}
}

// member is a member of etcd in a process of its own.
type member struct {
	process

	config memberConfig
	input  *os.File // its standard input
	client *clientv3.Client
}

// start runs the member; it joins the others by itself.
func (m *member) start(t testing.TB) {
	t.Helper()
	config, err := json.Marshal(m.config)
	require.NoError(t, err)
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Dir, cmd.Stdin = m.dir, read
	cmd.Env = append(os.Environ(), memberEnv+"="+string(config))
	m.launch(t, cmd)
	m.input = write
}

func (m *member) kill() {
	m.process.kill()
	if m.input != nil {
		m.input.Close()
	}
}

// slow makes each write to the disk take longer.
func (m *member) slow(delay time.Duration) { _, _ = fmt.Fprintln(m.input, delay) }

func (m *member) socket() string { return filepath.Join(m.dir, clientSocket(m.name)) }

func (m *member) dial() (net.Conn, error) { return net.Dial("unix", m.socket()) }

func (m *member) status(ctx context.Context) (*clientv3.StatusResponse, error) {
	return m.client.Status(ctx, m.client.Endpoints()[0])
}

// members are a cluster of etcd whose members reach each other over links.
type members struct {
	all   []*member
	links [memberCount][memberCount]*link // from, to
}

func startMembers(t testing.TB, dir string) *members {
	t.Helper()
	c := &members{}
	var cluster []string
	for i := range memberCount {
		name := fmt.Sprint("m", i)
		cluster = append(cluster, name+"=unix://"+relaySocket(name))
		c.all = append(c.all, &member{process: newProcess(dir, name)})
		for from := range memberCount {
			c.links[from][i] = newLink()
		}
	}
	for to, m := range c.all {
		m.config = memberConfig{Name: m.name, Cluster: strings.Join(cluster, ",")}
		peer := filepath.Join(dir, peerSocket(m.name))
		dial := func() (net.Conn, error) { return net.Dial("unix", peer) }
		startRelay(t, "unix", filepath.Join(dir, relaySocket(m.name)), dial, func(conn net.Conn) *link { return c.from(conn, to) })
		client, err := clientv3.New(clientv3.Config{Endpoints: []string{"unix://" + m.socket()}, Logger: zap.NewNop()})
		require.NoError(t, err)
		m.client = client
		t.Cleanup(func() { client.Close() })
	}
	for _, m := range c.all {
		t.Cleanup(m.kill)
		m.start(t)
	}
	return c
}

// from is the link of the member that has dialled, which the kernel knows.
func (c *members) from(conn net.Conn, to int) *link {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return nil
	}
	var peer *unix.Ucred
	if err := raw.Control(func(fd uintptr) {
		peer, _ = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil || peer == nil {
		return nil
	}
	for from, m := range c.all {
		if m.pid.Load() == int64(peer.Pid) {
			return c.links[from][to]
		}
	}
	return nil
}

// leader returns the number of the member that leads, or -1.
func (c *members) leader(ctx context.Context) int {
	for i, m := range c.all {
		status, err := m.status(ctx)
		if err == nil && status.Leader == status.Header.MemberId {
			return i
		}
	}
	return -1
}
