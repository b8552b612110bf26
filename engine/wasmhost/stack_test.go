package wasmhost

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

// After an update of wazero this tells whether stacks can still be bounded.
func TestTheStackOfAFunctionIsKnown(t *testing.T) {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("SKIPPED: modules are interpreted on this processor")
	}
	i := deepInstance(t, Limits{})
	require.InDelta(t, 10<<10, i.functions[lookup].stackBytes(), 1<<10)
}

func TestADeepStackIsNotKept(t *testing.T) {
	for _, c := range []struct {
		name     string
		bytes    int // of the id, each for a thousand calls
		deep     bool
		overflow bool
	}{{"shallow", 1, false, false}, {"deep", 70, true, false}, {"too deep", 300, true, true}} {
		t.Run(c.name, func(t *testing.T) {
			i := deepInstance(t, patient(Limits{}))
			o := operation{method: lookup, asked: engine.Credentials{ID: engine.CredentialsID(strings.Repeat("x", c.bytes))}}
			err := i.serve(context.Background(), nil, &o, subject{}, time.Now())
			size := i.functions[lookup].stackBytes()
			if c.overflow {
				require.ErrorContains(t, err, "stack overflow")
				require.Less(t, size, 2*maxStack)
			} else {
				require.ErrorIs(t, err, engine.ErrNotFound)
				require.Less(t, size, maxStack)
			}
			require.Equal(t, c.deep, i.spent(time.Now()))
		})
	}
}

func deepInstance(tb testing.TB, limits Limits) *instance {
	tb.Helper()
	r := newRuntime(tb, Options{Limits: limits})
	s, err := r.prepare(tb.Context(), engine.Service{Name: "deep", Module: "deep"}, fetch(wattest.Module(tb, "recurse-deep")))
	require.NoError(tb, err)
	tb.Cleanup(s.Close)
	config, err := configure(nil, nil)
	require.NoError(tb, err)
	i, err := s.start(tb.Context(), config, subject{})
	require.NoError(tb, err)
	tb.Cleanup(i.close)
	return i
}
