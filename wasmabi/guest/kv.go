package guest

import (
	"iter"

	"github.com/credence-engine/credence/wasmabi"
)

// KV is the service's state for one application: keys of 1 to 256 bytes,
// values of at most 64 KiB, and at most 32 calls in one operation. Slices that
// it returns belong to the caller.
//
// A Get conflicts with changes of its key only, a Scan with any change of this
// state; so prefer Get where many endpoints connect at once.
type KV struct{ d *Dispatcher }

// Entry is one key with its value.
type Entry struct {
	Key   string
	Value []byte
}

// Get returns the value of a key, and whether there is one.
func (kv KV) Get(key string) (value []byte, found bool, err error) {
	value, result := kv.d.readAll(func(dst []byte) int32 { return kv.d.host.Kv.KvGet(key, dst) })
	if result == wasmabi.ENOENT.Return() {
		return nil, false, nil
	}
	return value, result >= 0, failed(wasmabi.ImportKvGet, result)
}

// Put sets a key.
func (kv KV) Put(key string, value []byte) error {
	return failed(wasmabi.ImportKvPut, kv.d.host.Kv.KvPut(key, value))
}

// Delete removes a key, present or not.
func (kv KV) Delete(key string) error {
	return failed(wasmabi.ImportKvDelete, kv.d.host.Kv.KvDelete(key))
}

// Scan goes over the keys that begin with prefix and come after the key after,
// in byte order. It ends after the first error.
func (kv KV) Scan(prefix, after string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var page wasmabi.KvPage
		buf := make([]byte, 4<<10)
		for {
			n := kv.d.host.Kv.KvScan(prefix, after, buf)
			if n == wasmabi.E2BIG.Return() && len(buf) < maxPageBytes {
				buf = make([]byte, maxPageBytes)
				continue
			}
			err := failed(wasmabi.ImportKvScan, n)
			if err == nil {
				err = page.Decode(buf[:max(n, 0)])
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if n == 0 {
				return
			}
			for _, e := range page.Entries {
				after = string(e.Key)
				if !yield(Entry{Key: after, Value: append([]byte(nil), e.Value...)}, nil) {
					return
				}
			}
		}
	}
}

// maxPageBytes has room for the largest entry.
const maxPageBytes = wasmabi.MaxKvKeyBytes + wasmabi.MaxKvValueBytes + 32
