package linear_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine/wasmhost/internal/linear"
)

// guest behaves as the memory of an instance does.
type guest struct {
	m       *linear.Memory
	buffer  []byte
	maximum uint32 // pages
}

func (g *guest) Size() uint32 { return uint32(len(g.buffer)) }

func (g *guest) Grow(pages uint32) (uint32, bool) {
	before := g.Size() / page
	if before+pages > g.maximum {
		return 0, false
	}
	grown := g.m.Reallocate(uint64(before+pages) * page)
	if grown == nil {
		return 0, false
	}
	g.buffer = grown
	return before, true
}

func restorable(tb testing.TB, b *linear.Budget, least, most uint64) *guest {
	tb.Helper()
	if !linear.CanRestore {
		tb.Skip("SKIPPED: this system cannot restore memories")
	}
	m, err := linear.NewRestorable(b, linear.Size{Min: least * page, Max: most * page})
	require.NoError(tb, err)
	tb.Cleanup(m.Free)
	return &guest{m: m, buffer: m.Reallocate(least * page), maximum: uint32(most)}
}

func TestARestoredMemoryIsAsItWasWhenFrozen(t *testing.T) {
	b := linear.NewBudget(1<<30, none)
	g := restorable(t, b, 16, 64)
	_, ok := g.Grow(4) // while it starts
	require.True(t, ok)
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		g.buffer[random.IntN(len(g.buffer))] = byte(random.Uint32())
	}
	want := bytes.Clone(g.buffer)
	require.NoError(t, g.m.Freeze())
	require.Equal(t, want, g.buffer, "freezing changes nothing")
	used := b.Used()
	for round := range 200 {
		for range random.IntN(1 << (round % 12)) { // few pages in one round, many in another
			g.buffer[random.IntN(len(g.buffer))]++
		}
		if round%3 == 0 {
			_, ok := g.Grow(uint32(1 + random.IntN(20)))
			require.True(t, ok)
			for i := len(want); i < len(g.buffer); i += 1000 {
				require.Zero(t, g.buffer[i], "what a call has grown is fresh")
				g.buffer[i] = 0xee
			}
		}
		require.NoError(t, g.m.Restore(g))
		require.True(t, bytes.Equal(want, g.buffer), "round %d", round)
		require.Equal(t, used, b.Used())
	}
}

func TestAFrozenMemoryIsCountedTwice(t *testing.T) {
	b := linear.NewBudget(8*page, none)
	g := restorable(t, b, 2, 64)
	require.EqualValues(t, 4*page, b.Used(), "the content, and the copies of its pages")
	_, ok := g.Grow(1)
	require.True(t, ok)
	require.EqualValues(t, 6*page, b.Used())
	require.NoError(t, g.m.Freeze())
	_, ok = g.Grow(3)
	require.False(t, ok)
	_, ok = g.Grow(2)
	require.True(t, ok)
	require.EqualValues(t, 8*page, b.Used())
	require.NoError(t, g.m.Restore(g))
	require.EqualValues(t, 6*page, b.Used())
	g.m.Free()
	require.Zero(t, b.Used())
}

func TestAMemoryThatHasGrownToItsEndCannotGoBack(t *testing.T) {
	g := restorable(t, linear.NewBudget(1<<30, none), 1, 2)
	require.NoError(t, g.m.Freeze())
	_, ok := g.Grow(1)
	require.True(t, ok)
	require.Error(t, g.m.Restore(g))
}

func TestAMemoryIsFrozenOnceAndOnlyIfItIsMadeForIt(t *testing.T) {
	b := linear.NewBudget(1<<30, none)
	g := restorable(t, b, 0, 2)
	require.NoError(t, g.m.Freeze())
	require.NoError(t, g.m.Restore(g), "of nothing")
	require.Error(t, g.m.Freeze())
	m, err := linear.New(b, linear.Size{Min: page, Max: page})
	require.NoError(t, err)
	defer m.Free()
	require.Error(t, m.Freeze())
}

func TestMemoriesLeaveNoFilesOpen(t *testing.T) {
	b := linear.NewBudget(1<<30, none)
	g := restorable(t, b, 1, 2) // whatever is opened once is open now
	require.NoError(t, g.m.Freeze())
	require.NoError(t, g.m.Restore(g))
	before := openFiles(t)
	for n := range 20 {
		m, err := linear.NewRestorable(b, linear.Size{Min: page, Max: page})
		require.NoError(t, err)
		if n%2 == 0 {
			require.NoError(t, m.Freeze())
		}
		m.Free()
	}
	_, err := linear.NewRestorable(b, linear.Size{Min: 1 << 40, Max: 1 << 40})
	require.ErrorIs(t, err, linear.ErrBudget)
	require.Equal(t, before, openFiles(t))
}

func openFiles(tb testing.TB) int {
	tb.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	require.NoError(tb, err)
	return len(files)
}

func BenchmarkRestore(b *testing.B) {
	for _, c := range []struct {
		name          string
		pages, writes int
	}{{"128KiB-4-pages", 2, 4}, {"4MiB-20-pages", 64, 20}, {"8MiB-40-pages", 128, 40}} {
		b.Run(c.name, func(b *testing.B) {
			g := restorable(b, linear.NewBudget(1<<30, none), uint64(c.pages), uint64(c.pages)+1)
			for i := range g.buffer {
				g.buffer[i] = byte(i)
			}
			require.NoError(b, g.m.Freeze())
			b.ReportAllocs()
			for b.Loop() {
				for n := range c.writes {
					g.buffer[n*len(g.buffer)/c.writes]++
				}
				if err := g.m.Restore(g); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
