package e2e

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asks verifies on a node, which may answer from what it knew an hour ago, and
// tells whether it was let in; false is also no decision.
func (s *server) asks(app, id string) (answer, bool) {
	s.t.Helper()
	a, err := s.call(s.t.Context(), http.MethodPost, app+"/verify", object{"credentialsId": id, "consistency": "bounded=3600000"})
	require.NoError(s.t, err)
	return a, a.json["decision"] == "ACCEPTED"
}

// A node stands still, deaf and with a full cache. Nobody can know what it does,
// so the receipt waits for the end of its lease, and when the node goes on, it
// refuses until it is up to date.
func TestNoNodeThatStoodStillAcceptsWhatAReceiptHasEnded(t *testing.T) {
	e := newEtcd(t)
	nodes := newNodes(t, e, 3, "CREDENCE_NODE__LEASE=3s")
	app := nodes[0].app("line", "Trustful")
	const gone, stays = "gone", "stays"
	for _, id := range []string{gone, stays} {
		for _, n := range nodes {
			require.Eventually(t, func() bool { _, in := n.asks(app, id); return in }, 30*time.Second, 20*time.Millisecond)
		}
	}
	still := nodes[2]
	require.NoError(t, still.cmd.Process.Signal(syscall.SIGSTOP))
	nodes[0].must(http.StatusOK, http.MethodPost, app+"/credentials/"+gone+"/revoke", nil)
	var receipt object
	require.Eventually(t, func() bool {
		a, err := nodes[1].call(t.Context(), http.MethodGet, app+"/credentials/"+gone+"/enforcement?wait=enforced", nil)
		receipt = a.json
		return err == nil && a.status == http.StatusOK
	}, time.Minute, 20*time.Millisecond)
	require.Equal(t, "ENFORCED", receipt["state"])
	require.NotContains(t, reports(receipt), "n2")
	nodes[0].must(http.StatusNotFound, http.MethodGet, "/v1/nodes/n2", nil)

	require.NoError(t, still.cmd.Process.Signal(syscall.SIGCONT))
	refusals := 0
	require.Eventually(t, func() bool {
		a, in := still.asks(app, gone)
		require.False(t, in, "%s", a.body)
		if a.status == http.StatusServiceUnavailable {
			refusals++
		}
		_, in = still.asks(app, stays)
		return in
	}, 30*time.Second, time.Millisecond)
	t.Logf("after it stood still the node refused %d times to decide", refusals)
	require.Eventually(t, func() bool { return strings.Contains(still.output(), "out of touch") }, 10*time.Second, 20*time.Millisecond)
	a, _ := still.asks(app, gone)
	require.Equal(t, "REVOKED", a.json["reason"], "%s", a.body)
	require.Eventually(t, func() bool {
		a, err := nodes[0].call(t.Context(), http.MethodGet, app+"/credentials/"+gone+"/enforcement", nil)
		return err == nil && reports(a.json)["n2"] == "ENFORCED"
	}, 30*time.Second, 20*time.Millisecond, "it is among them again")
}
