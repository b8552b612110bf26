package wasmhost

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

const mebibyte = 1 << 20

// pages that a memory-hungry instance has after a lookup.
func pages(tb testing.TB, i *instance) int64 {
	tb.Helper()
	o := operation{method: lookup, asked: engine.Credentials{ID: "x"}}
	require.NoError(tb, i.serve(context.Background(), nil, &o, subject{}, time.Now()))
	return int64(binary.LittleEndian.Uint32(o.answer.Body))
}

// hungry starts an instance of a service of its own, which can take 16 MiB.
func hungry(tb testing.TB, r *Runtime, name string) (*service, *instance, error) {
	tb.Helper()
	s, err := r.prepare(tb.Context(), engine.Service{Name: engine.ServiceName(name), Module: "hungry"}, fetch(wattest.Module(tb, "memory-hungry")))
	require.NoError(tb, err)
	tb.Cleanup(s.Close)
	config, err := configure(nil, nil)
	require.NoError(tb, err)
	i, err := s.start(tb.Context(), config, subject{})
	if err == nil {
		tb.Cleanup(i.close)
	}
	return s, i, err
}

func TestGrowthEndsAtTheBudgetOfTheNode(t *testing.T) {
	const budget = 64 * mebibyte
	r := newRuntime(t, Options{MemoryBudget: budget, Limits: patient(Limits{})})
	var instances []*instance
	for n := range 64 {
		_, i, err := hungry(t, r, fmt.Sprint(n))
		require.NoError(t, err)
		instances = append(instances, i)
	}
	var wg sync.WaitGroup
	has := make([]int64, len(instances))
	for n, i := range instances {
		wg.Go(func() { has[n] = pages(t, i) })
	}
	wg.Wait()
	var all int64
	for _, n := range has {
		require.Positive(t, n)
		all += n * pageBytes
	}
	require.EqualValues(t, budget, all)
	used, limit := r.MemoryInUse()
	require.EqualValues(t, budget, used)
	require.EqualValues(t, budget, limit)
}

func TestAnInstanceThatDoesNotFitIntoTheBudgetIsRefused(t *testing.T) {
	r := newRuntime(t, Options{MemoryBudget: 16 * mebibyte, Limits: patient(Limits{})})
	_, first, err := hungry(t, r, "first")
	require.NoError(t, err)
	require.EqualValues(t, 256, pages(t, first))
	second, _, err := hungry(t, r, "second")
	require.Error(t, err)
	e := failure(t, engine.CodeExhausted, second.undecided(err, "the start of an instance", subject{}))
	require.Contains(t, e.Message, "budget for modules is used up")
	require.Contains(t, e.Message, "modules.memoryBudget")
	require.Equal(t, e, unfit(err, "its start"))
	first.close()
	_, third, err := hungry(t, r, "third")
	require.NoError(t, err)
	require.EqualValues(t, 256, pages(t, third))
}

func TestIdleInstancesAreGivenUpFirst(t *testing.T) {
	w := newWorld(t, Options{MemoryBudget: 16*mebibyte + 3*4*pageBytes})
	for _, name := range []engine.ServiceName{"a", "b", "c"} {
		w.deploy(name, tiny(t), engine.ServiceSpec{})
		app := w.app(name)
		require.NoError(t, w.provision(app, "id"))
		require.Len(t, w.runtime.idle(name), 1)
	}
	_, i, err := hungry(t, w.runtime.Runtime, "hungry")
	require.NoError(t, err)
	require.EqualValues(t, 256, pages(t, i))
	for _, name := range []engine.ServiceName{"a", "b", "c"} {
		require.Len(t, w.runtime.idle(name), 1, "there was room for all")
	}
	_, _, err = hungry(t, w.runtime.Runtime, "next")
	require.NoError(t, err, "room is made for it")
	left := 0
	for _, name := range []engine.ServiceName{"a", "b", "c"} {
		left += len(w.runtime.idle(name))
	}
	require.Equal(t, 2, left)
}

func TestNothingIsLeftOfTheBudgetWhenAllIsClosed(t *testing.T) {
	w := newWorld(t, Options{})
	for _, name := range []string{"memory-leak", "memory-hungry", "table-grow", "trap-once", "tiny"} {
		app := w.serves(name)
		for range 3 {
			_, _ = w.lookup(app, "x")
		}
	}
	for _, name := range []string{"data-outside", "start-loop", "init-trap"} {
		_, err := w.runtime.Runtime.Start(t.Context(), engine.Service{Name: "s", Module: engine.Digest(name)}, fetch(wattest.Module(t, name)))
		require.Error(t, err)
	}
	used, _ := w.runtime.MemoryInUse()
	require.Positive(t, used)
	w.Close()
	used, _ = w.runtime.MemoryInUse()
	require.Zero(t, used)
	require.Empty(t, w.runtime.services)
}

func TestMemoryGoesBackToTheSystemWithItsInstance(t *testing.T) {
	r := newRuntime(t, Options{Limits: patient(Limits{MemoryPages: 1024})})
	before := resident(t)
	var instances []*instance
	for n := range 4 {
		_, i, err := hungry(t, r, fmt.Sprint(n))
		require.NoError(t, err)
		require.EqualValues(t, 1024, pages(t, i))
		instances = append(instances, i)
	}
	full := resident(t)
	const touched = 4 * 1024 * 4 * 4096 // each writes four pages of the system in each of its own
	require.Greater(t, full, before+touched*9/10)
	closeAll(instances)
	require.Less(t, resident(t), full-touched*9/10)
}

// resident is the memory of this process that is in use, in bytes.
func resident(tb testing.TB) int64 {
	tb.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		tb.Skip("this system does not say how much memory a process has: ", err)
	}
	_, after, found := strings.Cut(string(text), "VmRSS:")
	require.True(tb, found)
	var kib int64
	_, err = fmt.Sscan(after, &kib)
	require.NoError(tb, err)
	return kib << 10
}
