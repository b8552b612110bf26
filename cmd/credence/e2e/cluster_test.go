package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newMember prepares a server that is to be a member of a cluster. It has to
// be launched.
func newMember(t *testing.T, name string, env []string, args ...string) *server {
	t.Helper()
	s := &server{t: t, dir: filepath.Join(t.TempDir(), "data"), env: env}
	s.args = append([]string{"--cluster", "--cluster-name", name, "--cluster-listen-peer", freeAddress(t), "--cluster-listen-client", freeAddress(t)}, args...)
	t.Cleanup(func() {
		if s.cmd != nil {
			s.kill()
		}
	})
	return s
}

// peerAddress is where the other members reach the member.
func (s *server) peerAddress() string { return s.args[4] }

// newListed starts members that know each other by a list.
func newListed(t *testing.T, n int, env ...string) []*server {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("the secret of this cluster of the tests\n"), 0o600))
	env = append(env, "CREDENCE_CLUSTER__SECRET=@"+secret)
	nodes := make([]*server, n)
	members := make([]string, n)
	for i := range nodes {
		nodes[i] = newMember(t, fmt.Sprint("n", i), env)
		members[i] = fmt.Sprintf("n%d=%s", i, nodes[i].peerAddress())
	}
	for _, node := range nodes {
		node.args = append(node.args, "--cluster-members", strings.Join(members, ","))
		node.launch()
	}
	for _, node := range nodes {
		node.ready()
	}
	return nodes
}

// onlyCluster leaves what a member is told at a later start: nothing but that
// it is one.
func (s *server) onlyCluster() { s.args, s.env = []string{"--cluster"}, nil }

// Three nodes of a list form a cluster, one of them makes the administrator,
// and two go on without the third, which comes back by itself; restarting one
// after the other under load loses nothing.
func TestThreeNodesOfAListAreACluster(t *testing.T) {
	nodes := newListed(t, 3, "CREDENCE_BOOTSTRAP_PASSWORD=") // generated
	var made []string
	for _, node := range nodes {
		if text, err := os.ReadFile(filepath.Join(node.dir, "admin-password")); err == nil {
			made = append(made, strings.TrimSpace(string(text)))
			require.Contains(t, node.output(), made[0])
		} else {
			require.NotContains(t, node.output(), "Created the first administrator")
		}
	}
	require.Len(t, made, 1, "exactly one node makes the administrator")
	for _, node := range nodes {
		node.password = made[0]
		node.onlyCluster()
	}
	nodes[0].sees(3)
	require.EqualValues(t, "n2", nodes[1].must(http.StatusOK, http.MethodGet, "/v1/nodes/n2", nil)["id"])
	nodes[0].must(http.StatusCreated, http.MethodPut, "/v1/secrets/shared", object{"value": "c2VjcmV0"})

	leader := leaderOf(t, nodes)
	leader.kill()
	others := besides(nodes, leader)
	for _, node := range others {
		node.ready()
	}
	app := others[0].app("before", "Internal")
	others[1].must(http.StatusCreated, http.MethodPost, app+"/credentials", object{"id": "d", "body": "AAAA"})
	leader.start()
	require.Equal(t, "AVAILABLE", leader.must(http.StatusOK, http.MethodGet, app+"/credentials/d", nil)["status"], "it catches up")

	underLoad(t, nodes, func() { restartEach(nodes) })
	nodes[0].sees(3)
	for _, node := range nodes {
		require.NotContains(t, node.output(), "cannot open a secret", "the key for secrets is the same everywhere")
	}
	require.NotContains(t, nodes[0].output()+nodes[1].output()+nodes[2].output(), "the secret of this cluster")
}

// A node without the others says that it is not ready, and answers nothing.
func TestANodeWithoutTheOthersIsNotReady(t *testing.T) {
	nodes := newListed(t, 3)
	nodes[0].kill()
	nodes[1].kill()
	require.Eventually(t, func() bool {
		a, err := nodes[2].call(t.Context(), http.MethodGet, "/readyz", nil)
		return err == nil && a.status == http.StatusServiceUnavailable
	}, time.Minute, 20*time.Millisecond)
	require.Eventually(t, func() bool {
		_, err := credence(nodes[2].dir, "remove", "n1")
		return err != nil && strings.Contains(err.Error(), "Bring n0 back first")
	}, time.Minute, 50*time.Millisecond)
	nodes[1].start()
	nodes[2].ready()
}

// The first node begins a cluster alone, others join with its token; a token of
// another cluster opens nothing; a member whose machine is lost is replaced.
func TestNodesJoinWithAToken(t *testing.T) {
	first := newMember(t, "n0", nil)
	first.start()
	token, err := credence(first.dir, "token")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(token), 0o600))
	nodes := []*server{first, newMember(t, "n1", nil, "--join", "@"+file), newMember(t, "n2", []string{"CREDENCE_CLUSTER__JOIN=" + strings.TrimSpace(token)})}
	nodes[1].start()
	app := nodes[1].app("plant", "Internal")
	nodes[1].must(http.StatusCreated, http.MethodPost, app+"/credentials", object{"id": "d", "body": "AAAA"})
	nodes[2].start()
	for _, node := range nodes {
		require.Equal(t, "AVAILABLE", node.must(http.StatusOK, http.MethodGet, app+"/credentials/d", nil)["status"])
		require.NotContains(t, node.output(), strings.TrimSpace(token))
	}
	nodes[0].sees(3)

	require.NoError(t, os.Remove(file))
	nodes[1].kill()
	nodes[1].start() // the token was for the first start
	nodes[0].kill()
	_, err = credence(nodes[1].dir, "remove", "n0")
	require.NoError(t, err)
	list, err := credence(nodes[1].dir, "members")
	require.NoError(t, err)
	require.NotContains(t, list, "n0")
	require.Contains(t, list, "leader")
	instead := newMember(t, "n3", []string{"CREDENCE_CLUSTER__JOIN=@" + file})
	token, err = credence(nodes[2].dir, "token")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(token), 0o600))
	instead.start()
	require.Equal(t, "AVAILABLE", instead.must(http.StatusOK, http.MethodGet, app+"/credentials/d", nil)["status"])
	require.Eventually(t, func() bool {
		list, err := credence(instead.dir, "members")
		return err == nil && strings.Count(list, " up\n") == 3
	}, time.Minute, 50*time.Millisecond)
}

// credence runs a command for the cluster of a data directory.
func credence(dir, verb string, args ...string) (string, error) {
	cmd := exec.Command(binary, append([]string{"cluster", verb, "--data-dir", dir}, args...)...)
	out, err := cmd.Output()
	if failed, ok := err.(*exec.ExitError); ok { //nolint:errorlint // it is that one
		err = fmt.Errorf("%w: %s", err, failed.Stderr)
	}
	return string(out), err
}

// leaderOf is the node that leads the cluster.
func leaderOf(t *testing.T, nodes []*server) *server {
	t.Helper()
	var leader *server
	require.Eventually(t, func() bool {
		list, err := credence(nodes[0].dir, "members")
		for line := range strings.Lines(list) {
			if name := strings.Fields(line)[0]; err == nil && strings.Contains(line, "leader") {
				leader = nodes[int(name[1]-'0')]
			}
		}
		return leader != nil
	}, time.Minute, 50*time.Millisecond, "there is no leader")
	return leader
}

func besides(nodes []*server, one *server) []*server {
	var others []*server
	for _, node := range nodes {
		if node != one {
			others = append(others, node)
		}
	}
	return others
}
