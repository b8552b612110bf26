package engine

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"
)

// Decoding is most of the work of a verification that is answered from memory,
// so what was decoded lately is remembered.
var (
	decodedApplications  = newDecoded[Application](1 << 8)
	decodedCredentials   = newDecoded[Credentials](1 << 13)
	decodedRegistrations = newDecoded[Registration](1 << 13)
)

// maxDecodedBytes bounds the records that are remembered, and so the memory: a
// slot holds one, mostly of some 500 bytes.
const maxDecodedBytes = 2 << 10

// decoded remembers the values of records by their bytes, which alone decide
// what a record decodes to: whatever becomes of the state, a value that is
// found is the right one. Values are shared; whoever changes one makes copies
// of its slices and maps.
type decoded[T any] struct {
	seed  maphash.Seed
	slots []atomic.Pointer[decodedValue[T]] // by the hash of the key
}

type decodedValue[T any] struct {
	from  []byte
	value T
}

func newDecoded[T any](slots int) *decoded[T] {
	return &decoded[T]{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[decodedValue[T]], slots)}
}

// of decodes a record.
func (d *decoded[T]) of(r Record) (T, error) {
	slot := &d.slots[maphash.String(d.seed, r.Key)%uint64(len(d.slots))]
	if known := slot.Load(); known != nil && bytes.Equal(known.from, r.Value) {
		return known.value, nil
	}
	fresh := &decodedValue[T]{from: r.Value}
	if err := decode(r, &fresh.value); err != nil {
		return fresh.value, err
	}
	if len(r.Value) <= maxDecodedBytes {
		slot.Store(fresh)
	}
	return fresh.value, nil
}
