package enginetest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func TestASessionThatIsNotRenewedKnowsItBeforeOthersDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := NewMemoryStore()
		node := store.Session()
		announce := engine.Commit{Writes: []engine.Write{ephemeral("node", "here")}}
		there := func() bool {
			snap, err := store.Read(t.Context(), engine.Strict, "node")
			require.NoError(t, err)
			return snap.Records[0].Exists()
		}
		_, err := node.Commit(t.Context(), announce)
		require.NoError(t, err)
		time.Sleep(time.Hour)
		require.True(t, there())
		require.Greater(t, node.Held(), time.Now())

		node.Stall()
		time.Sleep(SessionLease / 2)
		node.Resume()
		time.Sleep(SessionLease)
		require.True(t, there(), "it came back in time")

		node.Stall()
		held := node.Held()
		time.Sleep(time.Until(held))
		require.True(t, there())
		time.Sleep(SessionLease)
		require.False(t, there())
		require.False(t, node.Held().After(held))

		node.Resume()
		_, err = node.Commit(t.Context(), announce)
		require.NoError(t, err)
		require.True(t, there())
		require.Greater(t, node.Held(), time.Now())
	})
}
