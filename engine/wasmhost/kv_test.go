package wasmhost

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero/experimental/wazerotest"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/wasmabi"
)

func TestStateIsThatOfTheUnitOfWork(t *testing.T) {
	w := newWorld(t, Options{})
	large := strings.Repeat("v", 200)
	err := w.units.work(t, func(_ context.Context, tx *engine.Tx) error {
		g := newGuest(t, tx, nil)
		require.EqualValues(t, enoent, g.do("kv_get", "k", buf, 100))
		require.EqualValues(t, 0, g.do("kv_put", "k", "value"))
		require.EqualValues(t, 5, g.do("kv_get", "k", buf, 100))
		require.Equal(t, "value", g.at(buf, 5))
		require.EqualValues(t, 0, g.do("kv_put", "k", large))
		require.EqualValues(t, 200, g.do("kv_get", "k", buf, 199), "the true length, though it does not fit")
		require.Equal(t, "value", g.at(buf, 5))
		require.EqualValues(t, 0, g.do("kv_put", "empty", ""))
		require.EqualValues(t, 0, g.do("kv_get", "empty", buf, 0))
		require.EqualValues(t, 0, g.do("kv_delete", "k"))
		require.EqualValues(t, 0, g.do("kv_delete", "k"))
		require.EqualValues(t, enoent, g.do("kv_get", "k", buf, 100))

		for _, name := range []string{"kv_get", "kv_put"} {
			require.EqualValues(t, einval, g.do(name, "", buf, 0), name)
			require.EqualValues(t, e2big, g.do(name, strings.Repeat("k", 257), buf, 0), name)
		}
		require.EqualValues(t, einval, g.do("kv_delete", ""))
		require.EqualValues(t, 0, g.do("kv_put", strings.Repeat("k", 256), 0, 64<<10))
		g.module.ExportMemory = wazerotest.NewFixedMemory(128 << 10)
		require.EqualValues(t, e2big, g.do("kv_put", "k", 0, 64<<10+1))
		return nil
	})
	require.NoError(t, err)
}

func TestScansComeInPages(t *testing.T) {
	w := newWorld(t, Options{})
	err := w.units.work(t, func(_ context.Context, tx *engine.Tx) error {
		g := newGuest(t, tx, nil)
		for n := range 10 {
			require.EqualValues(t, 0, g.do("kv_put", fmt.Sprintf("a/%02d", n), fmt.Sprintf("%050d", n)))
		}
		require.EqualValues(t, 0, g.do("kv_put", "b", "other"))
		entry := wasmabi.KvEntry{Key: []byte("a/00"), Value: make([]byte, 50)}
		var keys []string
		after := ""
		for {
			n := g.do("kv_scan", "a/", after, buf, 3*entry.Size()+entry.Size()/2)
			require.GreaterOrEqual(t, n, int64(0))
			if n == 0 {
				break
			}
			var page wasmabi.KvPage
			require.NoError(t, page.Decode([]byte(g.at(buf, int(n)))))
			require.LessOrEqual(t, len(page.Entries), 3)
			for _, e := range page.Entries {
				after = string(e.Key)
				keys = append(keys, after)
				require.Equal(t, fmt.Sprintf("%050d", len(keys)-1), string(e.Value))
			}
		}
		require.Len(t, keys, 10)
		require.EqualValues(t, e2big, g.do("kv_scan", "a/", "", buf, entry.Size()-1))
		require.EqualValues(t, e2big, g.do("kv_scan", strings.Repeat("k", 257), "", buf, 0))
		require.EqualValues(t, 0, g.do("kv_scan", "none", "", buf, 100))
		// The page may be written over the prefix that it was asked for with.
		require.Positive(t, g.do("kv_scan", "a/", "", 0, 4000))
		return nil
	})
	require.NoError(t, err)
}

func TestStateHasAQuota(t *testing.T) {
	w := newWorld(t, Options{})
	err := w.units.work(t, func(_ context.Context, tx *engine.Tx) error {
		g := newGuest(t, tx, nil)
		for range 32 {
			require.EqualValues(t, enoent, g.do("kv_get", "k", buf, 100))
		}
		require.EqualValues(t, edquot, g.do("kv_get", "k", buf, 100))
		require.EqualValues(t, edquot, g.do("kv_put", "k", "v"))
		return nil
	})
	require.NoError(t, err)
}

func TestThereIsNoStateOutsideOfAnOperation(t *testing.T) {
	g := newGuest(t, nil, nil)
	require.EqualValues(t, eperm, g.do("kv_get", "k", buf, 100))
	require.EqualValues(t, eperm, g.do("kv_put", "k", "v"))
	require.EqualValues(t, eperm, g.do("kv_delete", "k"))
	require.EqualValues(t, eperm, g.do("kv_scan", "", "", buf, 100))
}

// failingState fails every use of the state.
type failingState struct {
	noState
	err error
}

func (s failingState) Get(context.Context, []byte) ([]byte, bool, error) { return nil, false, s.err }
func (s failingState) Put(_, _ []byte) error                             { return s.err }
func (s failingState) Scan(context.Context, []byte, []byte, int) ([]engine.Entry, error) {
	return nil, s.err
}

func TestErrorsOfTheStoreEndTheCallUnchanged(t *testing.T) {
	down := engine.Errorf(engine.CodeUnavailable, "the store is away")
	for _, err := range []error{engine.ErrConflict, down} {
		for _, use := range []func(g *guest){
			func(g *guest) { g.do("kv_get", "k", buf, 1) },
			func(g *guest) { g.do("kv_put", "k", "v") },
			func(g *guest) { g.do("kv_scan", "", "", buf, 1) },
		} {
			g := newGuest(t, nil, failingState{err: err})
			require.Equal(t, &aborted{err}, g.stops(func() { use(g) }))
		}
	}
	g := newGuest(t, nil, failingState{err: engine.ErrStateQuota})
	require.EqualValues(t, edquot, g.do("kv_get", "k", buf, 1))
	require.EqualValues(t, edquot, g.do("kv_put", "k", "v"))
	require.EqualValues(t, edquot, g.do("kv_scan", "", "", buf, 1))

	g = newGuest(t, nil, failingState{err: context.DeadlineExceeded})
	g.call.deadline = time.Now().Add(-time.Millisecond)
	require.Equal(t, errLate, g.stops(func() { g.do("kv_get", "k", buf, 1) }))
}

// More entries than are read at a time, with those that the operation itself
// has written and deleted among them.
func TestAScanJoinsWhatIsStoredAndWhatIsWritten(t *testing.T) {
	w := newWorld(t, Options{})
	for from := range 4 {
		require.NoError(t, w.units.work(t, func(_ context.Context, tx *engine.Tx) error {
			kv := tx.State()
			for n := range 40 {
				require.NoError(t, kv.Put(fmt.Appendf(nil, "k%03d", 4*n+from), nil))
			}
			return nil
		}))
	}
	require.NoError(t, w.units.work(t, func(_ context.Context, tx *engine.Tx) error {
		g := newGuest(t, tx, nil)
		want := make([]string, 0, 160)
		for n := range 160 {
			want = append(want, fmt.Sprintf("k%03d", n))
		}
		require.EqualValues(t, 0, g.do("kv_delete", want[63]))
		require.EqualValues(t, 0, g.do("kv_put", want[64], "changed"))
		require.EqualValues(t, 0, g.do("kv_put", "k064a", "new"))
		require.EqualValues(t, 0, g.do("kv_put", "k999", "last"))
		want = append(append(append(append([]string{}, want[:63]...), want[64], "k064a"), want[65:]...), "k999")
		n := g.do("kv_scan", "k", "", buf, 8<<10)
		var page wasmabi.KvPage
		require.NoError(t, page.Decode([]byte(g.at(buf, int(n)))))
		got := make([]string, 0, len(want))
		for _, e := range page.Entries {
			got = append(got, string(e.Key))
		}
		require.Equal(t, want, got)
		return nil
	}))
}

func TestAnOperationThatFailsLeavesNoStateBehind(t *testing.T) {
	w := newWorld(t, Options{})
	require.NoError(t, w.units.work(t, func(ctx context.Context, tx *engine.Tx) error {
		kept, dropped := tx.State(), tx.State()
		require.NoError(t, kept.Put([]byte("a"), []byte("kept")))
		require.NoError(t, dropped.Put([]byte("a"), []byte("dropped")))
		require.NoError(t, dropped.Put([]byte("b"), []byte("dropped")))
		dropped.Discard()
		a, _, err := kept.Get(ctx, []byte("a"))
		require.NoError(t, err)
		require.Equal(t, "kept", string(a))
		_, found, err := kept.Get(ctx, []byte("b"))
		require.NoError(t, err)
		require.False(t, found)
		return nil
	}))
	for name, want := range map[string]int{"refuse-all": 1, "pointers-edge": 1, "table-grow": 1, "other-body": 0} {
		s := w.in(t).serving(name)
		config, err := configure(nil, nil)
		require.NoError(t, err)
		i, err := s.start(t.Context(), config, subject{})
		require.NoError(t, err)
		kv := &discarded{}
		i.call.state = kv
		o := operation{method: lookup, asked: engine.Credentials{ID: "x"}}
		_ = i.serve(t.Context(), nil, &o, subject{application: "app"}, time.Now())
		require.Equal(t, want, kv.times, name)
		i.close()
	}
}

// discarded counts how often it was told to take back what was written.
type discarded struct {
	noState
	times int
}

func (d *discarded) Discard() { d.times++ }
