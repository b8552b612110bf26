package epoch_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/etcdstore/epoch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// state is what the suite opens stores on: a memory store, whose sessions stand
// for the nodes.
type state interface {
	engine.Store
	Compact(ctx context.Context, rev engine.Revision) error
	Expire()
	Close() error
}

// node is a store with a cache, and the state below it.
type node struct {
	*epoch.Store
	state state
}

func (n node) Compact(ctx context.Context, rev engine.Revision) error {
	return n.state.Compact(ctx, rev)
}

func (n node) Expire() { n.state.Expire() }

func (n node) Close() error {
	if err := n.Store.Close(); err != nil {
		return err
	}
	return n.state.Close()
}

func newNode(t testing.TB, under state, o epoch.Options) node {
	t.Helper()
	n := node{epoch.New(under, o), under}
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return n
}

func TestStorePassesTheSuite(t *testing.T) {
	for name, bytes := range map[string]int64{"with a cache": epoch.DefaultBytes, "with a tiny cache": 2000, "without a cache": 0} {
		t.Run(name, func(t *testing.T) {
			enginetest.StoreSuite(t, func(t *testing.T) func() engine.Store {
				memory := enginetest.NewMemoryStore()
				return func() engine.Store { return newNode(t, memory.Session(), epoch.Options{Bytes: bytes}) }
			})
		})
	}
}
