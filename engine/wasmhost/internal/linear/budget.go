package linear

import (
	"errors"
	"sync/atomic"
)

// ErrBudget says that the budget is used up.
var ErrBudget = errors.New("the budget of memory is used up")

// Budget bounds the memory of all instances of a node. It counts what can be
// used, touched or not, so that nothing that was granted can be lacking. It is
// safe for concurrent use.
type Budget struct {
	limit   int64
	used    atomic.Int64
	reclaim func() bool
}

// NewBudget makes a budget of so many bytes. When it is short, reclaim is
// asked to release memory that nobody needs at the moment; it returns false
// if there was none. It is called without locks, by whoever wants memory.
func NewBudget(limit int64, reclaim func() bool) *Budget {
	return &Budget{limit: limit, reclaim: reclaim}
}

// Used returns the bytes in use.
func (b *Budget) Used() int64 { return b.used.Load() }

// Limit returns the bytes of the whole budget.
func (b *Budget) Limit() int64 { return b.limit }

// take reserves bytes, if they can be had.
func (b *Budget) take(bytes int64) bool {
	for bytes <= b.limit {
		used := b.used.Load()
		switch {
		case used <= b.limit-bytes:
			if b.used.CompareAndSwap(used, used+bytes) {
				return true
			}
		case !b.reclaim():
			return false
		}
	}
	return false
}

func (b *Budget) give(bytes int64) { b.used.Add(-bytes) }

// assumed is the memory of a machine that does not say how much it has.
const assumed = 4 << 30
