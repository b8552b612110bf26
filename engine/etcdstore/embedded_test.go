package etcdstore

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
)

func openEmbedded(t testing.TB, dir string) *Store {
	t.Helper()
	var log bytes.Buffer
	store, err := Open(t.Context(), Options{DataDir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, store.Close())
		require.NotContains(t, log.String(), "level=ERROR")
	})
	return store
}

func TestEmbeddedStorePassesTheSuite(t *testing.T) {
	enginetest.StoreSuite(t, func(t *testing.T) engine.Store { return openEmbedded(t, t.TempDir()) })
}
