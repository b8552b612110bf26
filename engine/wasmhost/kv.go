package wasmhost

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/wasmabi"
)

// state is what kv works on: *engine.State, or noState.
type state interface {
	Get(ctx context.Context, key []byte) (value []byte, found bool, err error)
	Put(key, value []byte) error
	Delete(key []byte) error
	Scan(ctx context.Context, prefix, after []byte, limit int) ([]engine.Entry, error)
	Discard()
}

// noState is the state of a trial: empty, and what is written is forgotten.
type noState struct{}

func (noState) Get(context.Context, []byte) ([]byte, bool, error) { return nil, false, nil }
func (noState) Put(_, _ []byte) error                             { return nil }
func (noState) Delete([]byte) error                               { return nil }
func (noState) Discard()                                          {}
func (noState) Scan(context.Context, []byte, []byte, int) ([]engine.Entry, error) {
	return nil, nil
}

// scanEntries is how many entries are read at a time.
const scanEntries = 64

func kvGet(c *call, m api.Memory, args []uint64) int64 {
	key := c.view(m, args[0], args[1])
	into := c.view(m, args[2], args[3])
	if errno := c.openState(key); errno != 0 {
		return result(errno)
	}
	var (
		value []byte
		found bool
		err   error
	)
	c.aside(func() { value, found, err = c.state.Get(c.bounded(), key) })
	switch {
	case err != nil:
		return c.stateFailed(err)
	case !found:
		return result(wasmabi.ENOENT)
	}
	return fill(into, value)
}

func kvPut(c *call, m api.Memory, args []uint64) int64 {
	key := c.view(m, args[0], args[1])
	value := c.view(m, args[2], args[3])
	if len(value) > wasmabi.MaxKvValueBytes {
		return result(wasmabi.E2BIG)
	}
	if errno := c.openState(key); errno != 0 {
		return result(errno)
	}
	return c.stateFailed(c.state.Put(key, value))
}

func kvDelete(c *call, m api.Memory, args []uint64) int64 {
	key := c.view(m, args[0], args[1])
	if errno := c.openState(key); errno != 0 {
		return result(errno)
	}
	return c.stateFailed(c.state.Delete(key))
}

func kvScan(c *call, m api.Memory, args []uint64) int64 {
	prefix := bytes.Clone(c.view(m, args[0], args[1])) // the page may be written over it
	after := c.view(m, args[2], args[3])
	into := c.view(m, args[4], args[5])
	if len(prefix) > wasmabi.MaxKvKeyBytes || len(after) > wasmabi.MaxKvKeyBytes {
		return result(wasmabi.E2BIG)
	}
	if errno := c.openState(nil); errno != 0 {
		return result(errno)
	}
	page := into[:0]
	for {
		var (
			entries []engine.Entry
			err     error
		)
		c.aside(func() { entries, err = c.state.Scan(c.bounded(), prefix, after, scanEntries) })
		if err != nil && len(page) > 0 && errors.Is(err, engine.ErrStateQuota) {
			return int64(len(page)) // the next call says it
		}
		if err != nil {
			return c.stateFailed(err)
		}
		for _, e := range entries {
			entry := wasmabi.KvEntry{Key: e.Key, Value: e.Value}
			if len(page)+entry.Size() > len(into) {
				if len(page) == 0 {
					return result(wasmabi.E2BIG)
				}
				return int64(len(page))
			}
			one := wasmabi.KvPage{Entries: []wasmabi.KvEntry{entry}}
			page, after = one.Append(page), e.Key
		}
		if len(entries) < scanEntries {
			return int64(len(page))
		}
	}
}

// openState counts a use of kv and opens the state with the first. A nil key
// is not checked.
func (c *call) openState(key []byte) wasmabi.Errno {
	switch {
	case key != nil && len(key) == 0:
		return wasmabi.EINVAL
	case len(key) > wasmabi.MaxKvKeyBytes:
		return wasmabi.E2BIG
	case c.state == nil && c.tx == nil:
		return wasmabi.EPERM
	case !charge(&c.spent.kvCalls, 1, c.limits.KvCalls):
		return wasmabi.EDQUOT
	}
	if c.state == nil {
		c.state = c.tx.State()
	}
	return 0
}

// stateFailed turns an error of the state into what the guest gets, or ends
// the call. A conflict in particular ends it: the engine runs the operation
// again, and what this instance has read is no longer true.
func (c *call) stateFailed(err error) int64 {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, engine.ErrStateQuota):
		return result(wasmabi.EDQUOT)
	case c.ctx.Err() == nil && !time.Now().Before(c.deadline):
		c.checkTime()
	}
	c.stop(&aborted{err})
	return 0
}
