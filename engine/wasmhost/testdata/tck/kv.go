package main

import (
	"strings"

	"github.com/credence-engine/credence/wasmabi"
)

func kvGet(t *try) {
	buf := make([]byte, 64)
	t.is("no such key", kvGetRaw("get/none", buf), errno(wasmabi.ENOENT))
	t.is("put", kvPutRaw("get/a", "value"), 0)
	t.is("what was just written", kvGetRaw("get/a", buf), 5)
	t.holds("its bytes", string(buf[:5]) == "value")
	small := []byte("--")
	t.is("the length of what does not fit", kvGetRaw("get/a", small), 5)
	t.holds("nothing is written where it does not fit", string(small) == "--")
	t.is("an empty key", kvGetRaw("", buf), errno(wasmabi.EINVAL))
	t.is("a long key", kvGetRaw(strings.Repeat("k", wasmabi.MaxKvKeyBytes+1), buf), errno(wasmabi.E2BIG))
	t.is("the longest key", kvGetRaw(strings.Repeat("k", wasmabi.MaxKvKeyBytes), buf), errno(wasmabi.ENOENT))
	for n := 6; n < wasmabi.MaxKvCalls; n++ { // those above that reached the state
		t.is("up to the quota", kvGetRaw("get/a", buf), 5)
	}
	for range wasmabi.MaxKvCalls {
		if kvGetRaw("get/a", buf) == int32(errno(wasmabi.EDQUOT)) {
			t.checks++
			return
		}
	}
	t.holds("the quota of kv ends", false)
}

func kvPut(t *try) {
	buf := make([]byte, 8)
	t.is("a value", kvPutRaw("put/a", "one"), 0)
	t.is("another value", kvPutRaw("put/a", "two!"), 0)
	t.is("the last one holds", kvGetRaw("put/a", buf), 4)
	t.is("no bytes", kvPutRaw("put/empty", ""), 0)
	t.is("no bytes are a value", kvGetRaw("put/empty", buf), 0)
	t.is("any bytes are a key", kvPutRaw("put/\x00\xff", "x"), 0)
	t.is("an empty key", kvPutRaw("", "x"), errno(wasmabi.EINVAL))
	t.is("a long key", kvPutRaw(strings.Repeat("k", wasmabi.MaxKvKeyBytes+1), "x"), errno(wasmabi.E2BIG))
	t.is("the longest key and value", kvPutRaw(strings.Repeat("p", wasmabi.MaxKvKeyBytes), strings.Repeat("v", wasmabi.MaxKvValueBytes)), 0)
	t.is("a long value", kvPutRaw("put/b", strings.Repeat("v", wasmabi.MaxKvValueBytes+1)), errno(wasmabi.E2BIG))
}

func kvDelete(t *try) {
	buf := make([]byte, 8)
	t.is("put", kvPutRaw("delete/a", "x"), 0)
	t.is("a key", kvDeleteRaw("delete/a"), 0)
	t.is("it is gone", kvGetRaw("delete/a", buf), errno(wasmabi.ENOENT))
	t.is("a key that is not there", kvDeleteRaw("delete/none"), 0)
	t.is("an empty key", kvDeleteRaw(""), errno(wasmabi.EINVAL))
	t.is("a long key", kvDeleteRaw(strings.Repeat("k", wasmabi.MaxKvKeyBytes+1)), errno(wasmabi.E2BIG))
}

func kvScan(t *try) {
	for _, key := range []string{"scan/b", "scan/a", "scan/c", "scan0"} {
		t.is("put", kvPutRaw(key, "value of "+key), 0)
	}
	t.is("delete", kvDeleteRaw("scan/c"), 0)
	buf := make([]byte, 256)
	keys := func(what, prefix, after string, room []byte, want ...string) {
		n := kvScanRaw(prefix, after, room)
		var page wasmabi.KvPage
		if n < 0 || page.Decode(room[:n]) != nil || len(page.Entries) != len(want) {
			t.holds(what, false)
			return
		}
		for i, e := range page.Entries {
			t.holds(what, string(e.Key) == want[i] && string(e.Value) == "value of "+want[i])
		}
	}
	keys("all below a prefix, in order", "scan/", "", buf, "scan/a", "scan/b")
	keys("those after a key", "scan/", "scan/a", buf, "scan/b")
	keys("those that fit", "scan/", "", buf[:40], "scan/a")
	t.is("nothing after the last", kvScanRaw("scan/", "scan/b", buf), 0)
	t.is("nothing below another prefix", kvScanRaw("nothing/", "", buf), 0)
	t.is("not even one fits", kvScanRaw("scan/", "", buf[:4]), errno(wasmabi.E2BIG))
	t.is("a long prefix", kvScanRaw(strings.Repeat("k", wasmabi.MaxKvKeyBytes+1), "", buf), errno(wasmabi.E2BIG))
}

// kvLater runs after the others: what they wrote was committed with them.
func kvLater(t *try) {
	buf := make([]byte, 64)
	t.is("get/a", kvGetRaw("get/a", buf), 5)
	t.is("put/a", kvGetRaw("put/a", buf), 4)
	t.is("put/empty", kvGetRaw("put/empty", buf), 0)
	t.is("delete/a", kvGetRaw("delete/a", buf), errno(wasmabi.ENOENT))
	t.is("scan/b", kvGetRaw("scan/b", buf), 15)
	t.is("scan/c", kvGetRaw("scan/c", buf), errno(wasmabi.ENOENT))
}
