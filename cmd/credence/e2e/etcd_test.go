package e2e

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/server/v3/embed"
)

// etcdEnv makes the test binary an etcd server: "data directory,client URL,peer
// URL".
const etcdEnv = "CREDENCE_E2E_ETCD"

// serveEtcd runs etcd until the process is killed.
func serveEtcd() {
	var dir, client, peer string
	if _, err := fmt.Sscan(os.Getenv(etcdEnv), &dir, &client, &peer); err != nil {
		panic(err)
	}
	config := embed.NewConfig()
	config.Dir, config.LogLevel = dir, "fatal"
	clientURL, _ := url.Parse(client)
	peerURL, _ := url.Parse(peer)
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{*clientURL}, []url.URL{*clientURL}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{*peerURL}, []url.URL{*peerURL}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	if _, err := embed.StartEtcd(config); err != nil {
		panic(err)
	}
	select {}
}

// etcd is an etcd server in a process of its own.
type etcd struct {
	t    *testing.T
	env  string
	addr string
	cmd  *exec.Cmd
}

func newEtcd(t *testing.T) *etcd {
	t.Helper()
	e := &etcd{t: t, addr: freeAddress(t)}
	e.env = fmt.Sprintf("%s=%s http://%s http://%s", etcdEnv, t.TempDir(), e.addr, freeAddress(t))
	e.start()
	t.Cleanup(e.kill)
	return e
}

func (e *etcd) start() {
	e.cmd = exec.Command(os.Args[0])
	e.cmd.Env = append(os.Environ(), e.env)
	require.NoError(e.t, e.cmd.Start())
}

func (e *etcd) kill() {
	_ = e.cmd.Process.Kill()
	_ = e.cmd.Wait()
}
