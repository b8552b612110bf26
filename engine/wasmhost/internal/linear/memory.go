package linear

import (
	"fmt"

	"github.com/tetratelabs/wazero/experimental"
)

// Memory is the memory of one instance. It is used by one goroutine at a time.
type Memory struct {
	budget *Budget
	all    []byte // the reserved addresses, from the first byte on
	size   uint64 // bytes that can be used
	max    uint64 // bytes that it may grow to
	taken  int64  // bytes of the budget
	closed bool
	image  image
}

// Size says how large a memory is, in bytes.
type Size struct {
	// Min is there from the beginning, Max is the most.
	Min, Max uint64
	// Beside is what else the instance holds, and is only counted.
	Beside uint64
}

var (
	_ experimental.LinearMemory    = (*Memory)(nil)
	_ experimental.MemoryAllocator = (*Memory)(nil)
)

// New takes a memory from the budget. It fails with [ErrBudget], or when the
// system gives no more.
func New(b *Budget, s Size) (*Memory, error) {
	m := &Memory{budget: b, max: s.Max}
	return m, m.open(s)
}

func (m *Memory) open(s Size) error {
	if !m.take(s.Beside) {
		return ErrBudget
	}
	var err error
	if m.all, err = reserve(m.max); err != nil {
		m.Free()
		return fmt.Errorf("reserving %d bytes of addresses: %w", m.max, err)
	}
	if err := m.grow(s.Min); err != nil {
		m.Free()
		return err
	}
	return nil
}

// Allocate gives the memory to the instance that is being made with it. It is
// for one instance only.
func (m *Memory) Allocate(_, _ uint64) experimental.LinearMemory { return m }

// Reallocate grows the memory to so many bytes, or returns nil if it cannot.
func (m *Memory) Reallocate(size uint64) []byte {
	if m.image.shrinking {
		m.image.shrinking = false
	} else if m.grow(size) != nil {
		return nil
	}
	return m.all[:m.size:m.size]
}

func (m *Memory) grow(size uint64) error {
	if size <= m.size {
		return nil
	}
	if size > m.max {
		return ErrBudget
	}
	before := m.taken
	cost := size - m.size
	if m.image.copying() {
		cost *= 2 // each page can be there twice
	}
	if !m.take(cost) {
		return ErrBudget
	}
	all, err := m.extend(size)
	if err != nil {
		m.give(m.taken - before)
		return err
	}
	m.all, m.size = all, size
	return nil
}

func (m *Memory) take(bytes uint64) bool {
	if !m.budget.take(int64(bytes)) {
		return false
	}
	m.taken += int64(bytes)
	return true
}

func (m *Memory) give(bytes int64) {
	m.taken -= bytes
	m.budget.give(bytes)
}

// Free gives everything back. Nobody may touch the memory afterwards. A
// second time does nothing.
func (m *Memory) Free() {
	if m.closed {
		return
	}
	m.closed = true
	m.image.close()
	release(m.all)
	m.give(m.taken)
}
