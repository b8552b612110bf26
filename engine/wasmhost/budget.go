package wasmhost

import (
	"errors"
	"slices"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/wasmhost/internal/linear"
	"github.com/credence-engine/credence/engine/wasmhost/internal/wasmbin"
)

// budgetShare is the part of the machine's memory that modules get where
// nothing is said: a quarter.
const budgetShare = 4

// MemoryInUse returns how many bytes the instances of all modules hold, and
// how many they may hold together.
func (r *Runtime) MemoryInUse() (used, budget int64) {
	return r.memory.Used(), r.memory.Limit()
}

// newMemory takes the memory of an instance from the budget. Errors are
// *aborted: it is not the module's fault.
func (s *service) newMemory() (*linear.Memory, error) {
	open := linear.New
	if s.frozen {
		open = linear.NewRestorable
	}
	memory, err := open(s.runtime.memory, s.size)
	if err == nil {
		return memory, nil
	}
	if errors.Is(err, linear.ErrBudget) {
		return nil, &aborted{engine.Errorf(engine.CodeExhausted,
			"this node's budget for modules is used up: the memory of an instance of the credentials service %q does not fit into the rest of %d MiB: try again, or raise modules.memoryBudget",
			s.name, s.runtime.memory.Limit()>>20)}
	}
	return nil, &aborted{engine.Wrap(err, engine.CodeUnavailable, "this node has no memory for an instance of a module")}
}

// sizeOf says what the memory of an instance may take.
func sizeOf(m *wasmbin.Module, limits *Limits) linear.Size {
	most := limits.MemoryPages
	if m.Memory.HasMax {
		most = min(most, m.Memory.Max)
	}
	return linear.Size{
		Min: uint64(m.Memory.Min) * wasmbin.PageSize, Max: uint64(most) * wasmbin.PageSize,
		Beside: m.TableEntries(wasmbin.DefaultLimits().TableEntries) * tableEntryBytes,
	}
}

// tableEntryBytes is what an entry of a table takes: a reference, and in the
// worst case the function that it refers to.
const tableEntryBytes = 8 + 32

// giveUpIdle closes an instance that no call is using, the one that has been
// waiting longest in some pool. It reports whether there was one.
func (r *Runtime) giveUpIdle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.services {
		if s.giveUpIdle() {
			return true
		}
	}
	return false
}

func (s *service) giveUpIdle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for app, p := range s.pools {
		if len(p.idle) > 0 {
			p.idle[0].close()
			p.idle = slices.Delete(p.idle, 0, 1)
			if p.users == 0 && len(p.idle) == 0 {
				delete(s.pools, app)
			}
			return true
		}
	}
	return false
}
