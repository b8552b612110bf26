package main

import (
	"encoding/binary"
	"sort"

	"github.com/credence-engine/credence/wasmabi/guest"
)

// batch is one range of serials.
type batch struct {
	series
	first, last uint64
	quota       uint32
	revoked     bool
}

func (b batch) name() string { return b.serial(b.first) + ".." + b.serial(b.last) }

// ranges holds every range of one series as one value: entries of entryBytes,
// in ascending order, none overlapping another. A lookup finds its range by
// binary search in what one get returned, without decoding the rest.
type ranges []byte

const (
	entryBytes = 8 + 8 + 4 + 1
	maxEntries = 64 << 10 / entryBytes // what one value can hold
)

func load(kv guest.KV, s series) (ranges, error) {
	value, _, err := kv.Get(s.key())
	return value, err
}

func (rs ranges) save(kv guest.KV, s series) error { return kv.Put(s.key(), rs) }

func (rs ranges) len() int { return len(rs) / entryBytes }

func (rs ranges) at(i int, s series) batch {
	e := rs[i*entryBytes:]
	return batch{
		series: s, first: binary.BigEndian.Uint64(e), last: binary.BigEndian.Uint64(e[8:]),
		quota: binary.BigEndian.Uint32(e[16:]), revoked: e[20] == 1,
	}
}

func (rs ranges) set(i int, b batch) {
	e := rs[i*entryBytes:]
	binary.BigEndian.PutUint64(e, b.first)
	binary.BigEndian.PutUint64(e[8:], b.last)
	binary.BigEndian.PutUint32(e[16:], b.quota)
	e[20] = 0
	if b.revoked {
		e[20] = 1
	}
}

// search returns the index of the first range that ends at number or later.
func (rs ranges) search(number uint64) int {
	return sort.Search(rs.len(), func(i int) bool { return binary.BigEndian.Uint64(rs[i*entryBytes+8:]) >= number })
}

// holding returns the range that holds a number.
func (rs ranges) holding(s series, number uint64) (batch, bool) {
	i := rs.search(number)
	if i == rs.len() {
		return batch{}, false
	}
	b := rs.at(i, s)
	return b, b.first <= number
}

// with adds a range, or changes the quota of one that is there.
func (rs ranges) with(b batch) (ranges, error) {
	i := rs.search(b.first)
	if i < rs.len() {
		switch next := rs.at(i, b.series); {
		case next.first == b.first && next.last == b.last && next.revoked:
			return nil, guest.Fail(guest.FailedPrecondition, "the range "+b.name()+" was revoked, which is final")
		case next.first == b.first && next.last == b.last:
			rs.set(i, b)
			return rs, nil
		case next.first <= b.last:
			return nil, guest.Fail(guest.AlreadyExists, "the range "+next.name()+" overlaps: ranges of one series must be apart")
		}
	}
	if rs.len() == maxEntries {
		return nil, guest.Fail(guest.ResourceExhausted, "the series "+b.prefix+" has as many ranges as it can hold: use larger ones")
	}
	rs = append(rs, make([]byte, entryBytes)...)
	copy(rs[(i+1)*entryBytes:], rs[i*entryBytes:])
	rs.set(i, b)
	return rs, nil
}

// revoke marks a range, and tells whether that changed anything.
func (rs ranges) revoke(b batch) bool {
	i := rs.search(b.first)
	if i == rs.len() {
		return false
	}
	found := rs.at(i, b.series)
	if found.first != b.first || found.last != b.last || found.revoked {
		return false
	}
	found.revoked = true
	rs.set(i, found)
	return true
}
