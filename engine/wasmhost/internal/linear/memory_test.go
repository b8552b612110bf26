package linear_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine/wasmhost/internal/linear"
)

const page = 64 << 10

func none() bool { return false }

func TestAMemoryGrowsInPlaceAndCountsWhatItHas(t *testing.T) {
	b := linear.NewBudget(10*page, none)
	m, err := linear.New(b, linear.Size{Min: page, Max: 4 * page, Beside: 100})
	require.NoError(t, err)
	require.EqualValues(t, page+100, b.Used())
	first := m.Allocate(0, 0).Reallocate(page)
	require.Len(t, first, page)
	first[page-1] = 7
	grown := m.Reallocate(3 * page)
	require.Len(t, grown, 3*page)
	require.EqualValues(t, 7, grown[page-1])
	require.Zero(t, grown[page])
	grown[3*page-1] = 1
	require.EqualValues(t, 3*page+100, b.Used())
	require.Nil(t, m.Reallocate(5*page), "over its own maximum")
	require.EqualValues(t, 3*page+100, b.Used())
	m.Free()
	m.Free()
	require.Zero(t, b.Used())
}

func TestAnEmptyMemoryIsAMemory(t *testing.T) {
	b := linear.NewBudget(0, none)
	m, err := linear.New(b, linear.Size{})
	require.NoError(t, err)
	require.Empty(t, m.Reallocate(0))
	require.Nil(t, m.Reallocate(page))
	m.Free()
}

func TestWhatDoesNotFitIsNotTaken(t *testing.T) {
	b := linear.NewBudget(3*page, none)
	first, err := linear.New(b, linear.Size{Min: 2 * page, Max: 4 * page})
	require.NoError(t, err)
	_, err = linear.New(b, linear.Size{Min: 2 * page, Max: 2 * page})
	require.ErrorIs(t, err, linear.ErrBudget)
	_, err = linear.New(b, linear.Size{Min: page, Max: page, Beside: 1})
	require.ErrorIs(t, err, linear.ErrBudget)
	require.Nil(t, first.Reallocate(4*page))
	require.EqualValues(t, 2*page, b.Used())
	first.Free()
	require.Zero(t, b.Used())
}

func TestAShortBudgetAsksForWhatNobodyNeeds(t *testing.T) {
	var idle []*linear.Memory
	asked := 0
	b := linear.NewBudget(4*page, func() bool {
		asked++
		if len(idle) == 0 {
			return false
		}
		idle[0].Free()
		idle = idle[1:]
		return true
	})
	for range 4 {
		m, err := linear.New(b, linear.Size{Min: page, Max: page})
		require.NoError(t, err)
		idle = append(idle, m)
	}
	require.Zero(t, asked)
	m, err := linear.New(b, linear.Size{Min: 3 * page, Max: 3 * page})
	require.NoError(t, err)
	require.Equal(t, 3, asked)
	require.Len(t, idle, 1)
	_, err = linear.New(b, linear.Size{Min: 5 * page, Max: 5 * page})
	require.ErrorIs(t, err, linear.ErrBudget)
	require.Equal(t, 3, asked, "in vain, so nothing was given up for it")
	m.Free()
	idle[0].Free()
	require.Zero(t, b.Used())
}

func TestTheBudgetHoldsForAllAtOnce(t *testing.T) {
	const most = 16
	b := linear.NewBudget(most*page, none)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				m, err := linear.New(b, linear.Size{Min: page, Max: 8 * page})
				if err != nil {
					continue
				}
				for n := uint64(2); n <= 8; n++ {
					if grown := m.Reallocate(n * page); grown != nil {
						grown[n*page-1] = 1
					}
				}
				if b.Used() > b.Limit() {
					t.Error("more than there is")
				}
				m.Free()
			}
		})
	}
	wg.Wait()
	require.Zero(t, b.Used())
}

func TestAMachineHasMemory(t *testing.T) {
	require.Greater(t, linear.Installed(), int64(64<<20))
}
