package enginetest

import (
	"iter"
	"slices"
	"strings"
)

// chunkKeys bounds a chunk of an index. Inserting moves at most that many
// strings, and a million keys make some thousands of chunks.
const chunkKeys = 512

// index is a sorted set of keys, kept as sorted chunks of which none is empty.
type index struct {
	chunks [][]string
}

// find returns the chunk in which key is or would be.
func (x *index) find(key string) int {
	n, found := slices.BinarySearchFunc(x.chunks, key, func(chunk []string, key string) int {
		return strings.Compare(chunk[0], key)
	})
	if !found && n > 0 {
		n--
	}
	return n
}

func (x *index) insert(key string) {
	if len(x.chunks) == 0 {
		x.chunks = [][]string{{key}}
		return
	}
	n := x.find(key)
	at, found := slices.BinarySearch(x.chunks[n], key)
	if found {
		return
	}
	chunk := slices.Insert(x.chunks[n], at, key)
	x.chunks[n] = chunk
	if half := len(chunk) / 2; len(chunk) > chunkKeys {
		upper := slices.Clone(chunk[half:])
		x.chunks[n] = slices.Delete(chunk, half, len(chunk))
		x.chunks = slices.Insert(x.chunks, n+1, upper)
	}
}

func (x *index) remove(key string) {
	if len(x.chunks) == 0 {
		return
	}
	n := x.find(key)
	at, found := slices.BinarySearch(x.chunks[n], key)
	if !found {
		return
	}
	if x.chunks[n] = slices.Delete(x.chunks[n], at, at+1); len(x.chunks[n]) == 0 {
		x.chunks = slices.Delete(x.chunks, n, n+1)
	}
}

// below yields the keys that begin with prefix and come after the key after,
// in order.
func (x *index) below(prefix, after string) iter.Seq[string] {
	return func(yield func(string) bool) {
		from := max(prefix, after)
		for n := x.find(from); n < len(x.chunks); n++ {
			chunk := x.chunks[n]
			at, _ := slices.BinarySearch(chunk, from)
			for _, key := range chunk[at:] {
				if !strings.HasPrefix(key, prefix) {
					if key > prefix {
						return
					}
					continue
				}
				if key > after && !yield(key) {
					return
				}
			}
		}
	}
}
