package etcdstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

// A node is cut off for longer than its lease: it is taken for gone, and when
// it is back, so is what it writes.
func TestEphemeralRecordsOfAStoreThatIsCutOffVanish(t *testing.T) {
	c := startCluster(t, nil)
	p := startProxy(t, c.addr)
	var log logBuffer
	through := open(t, Options{Endpoints: []string{p.addr()}, Lease: 2 * time.Second, Logger: log.logger()})
	direct := open(t, Options{Endpoints: []string{c.addr}})
	announce := engine.Commit{Writes: []engine.Write{{Key: "node", Value: []byte("here"), Ephemeral: true}}}
	_, err := through.Commit(t.Context(), announce)
	require.NoError(t, err)
	require.Never(t, func() bool { return valueOf(t, direct, "node") == "" }, 3*time.Second, 100*time.Millisecond, "the lease is not renewed")

	p.stalled.Store(true)
	require.Eventually(t, func() bool { return valueOf(t, direct, "node") == "" }, 20*time.Second, 20*time.Millisecond)
	p.stalled.Store(false)
	require.Eventually(t, func() bool {
		_, err := through.Commit(t.Context(), announce)
		return err == nil && valueOf(t, direct, "node") == "here"
	}, 20*time.Second, 20*time.Millisecond)
	require.Eventually(t, func() bool { return log.String() != "" }, 5*time.Second, 20*time.Millisecond)
	require.Contains(t, log.String(), "the lease in etcd was lost")
}
