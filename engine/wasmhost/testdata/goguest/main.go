// Command goguest is a Go program as a guest sees it: goroutine-free work on
// maps, strings, floats and the heap, for comparing a metered module with its
// original.
package main

import (
	"sort"
	"strings"
)

func main() {}

//go:wasmexport lookup_credentials
func lookup(n int32) int32 { return n }

//go:wasmexport cred_abi_v1
func marker() {}

// work hashes a few thousand words through a map and a sort.
//
//go:wasmexport work
func work(n int32) int64 {
	words := map[string]float64{}
	x := uint32(n)
	for range 2000 {
		x = x*1664525 + 1013904223
		w := strings.Repeat(string(rune('a'+x%26)), int(x>>8%7)+1)
		words[w] += float64(x) / 3
	}
	keys := make([]string, 0, len(words))
	for k := range words {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var h int64
	for _, k := range keys {
		h = h*31 + int64(words[k]) + int64(len(k))
	}
	return h
}
