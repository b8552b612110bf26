package invariant

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// Recorder writes down a history. It is safe for concurrent use.
type Recorder struct {
	mu    sync.Mutex
	clock func() time.Duration
	last  time.Duration
	ops   []Op
}

// NewRecorder makes a recorder whose times are those of a clock, which may
// stand still, as that of a simulation does: no two moments get the same time.
func NewRecorder(clock func() time.Duration) *Recorder { return &Recorder{clock: clock} }

// now is called with the lock held.
func (r *Recorder) now() time.Duration {
	r.last = max(r.last+1, r.clock())
	return r.last
}

// Invoke writes down that an operation begins, and returns its number. Until
// it returns its outcome is unknown.
func (r *Recorder) Invoke(op Op) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	op.Invoked, op.Returned, op.Outcome = r.now(), Never, Unknown
	r.ops = append(r.ops, op)
	return len(r.ops) - 1
}

// Return writes down that operation n has returned; answer fills in what it
// told.
func (r *Recorder) Return(n int, answer func(*Op)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	op := &r.ops[n]
	op.Returned = r.now()
	answer(op)
}

// History returns what was written down so far, in the order of the calls.
func (r *Recorder) History() []Op {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Op(nil), r.ops...)
}

// WriteHistory writes a history as lines of JSON.
func WriteHistory(w io.Writer, ops []Op) error {
	out := bufio.NewWriter(w)
	encoder := json.NewEncoder(out)
	for i := range ops {
		if err := encoder.Encode(&ops[i]); err != nil {
			return fmt.Errorf("writing a history: %w", err)
		}
	}
	return out.Flush()
}
