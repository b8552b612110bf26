package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/credence-engine/credence/wasmabi"
)

func inputRead(t *try) {
	whole := t.request
	buf := make([]byte, len(whole)+8)
	p, _ := at(buf)
	t.is("all of it, into more room", abiInputRead(p, uint32(len(buf)), 0), len(whole))
	t.holds("the bytes", bytes.Equal(buf[:len(whole)], whole))
	t.is("the rest from an offset", abiInputRead(p, uint32(len(buf)), 3), len(whole)-3)
	t.holds("the bytes from an offset", bytes.Equal(buf[:len(whole)-3], whole[3:]))
	t.is("a piece", abiInputRead(p, 2, 1), 2)
	t.is("nothing, into no room", abiInputRead(p, 0, 0), 0)
	t.is("nothing at the end", abiInputRead(p, 8, uint32(len(whole))), 0)
	t.is("nothing beyond the end", abiInputRead(p, 8, 1<<31), 0)
}

// outputWrite writes the answer itself, in pieces.
func outputWrite(t *try) {
	var r wasmabi.ProvideRequest
	t.holds("the request", r.Decode(t.request) == nil)
	answer := r.Credentials.Append(nil)
	t.is("nothing", write(nil), 0)
	t.is("a piece", write(answer[:3]), 3)
	t.is("more than is allowed", write(make([]byte, wasmabi.MaxOutputBytes-2)), errno(wasmabi.E2BIG))
	t.is("the rest", write(answer[3:]), len(answer)-3)
}

// errorWrite is judged by the host too: what was given last is the reason.
func errorWrite(t *try) {
	t.is("a text", errorWriteRaw("a reason"), 8)
	t.is("no text", errorWriteRaw(""), 0)
	long := strings.Repeat("x", wasmabi.MaxErrorBytes+10)
	t.is("a text that is cut", errorWriteRaw(long), len(long))
}

func logWrite(t *try) {
	for level := range int32(4) {
		t.is("a level", logWriteRaw(level, "a record of the tck"), 0)
	}
	t.is("an unknown level", logWriteRaw(4, "x"), errno(wasmabi.EINVAL))
	t.is("a negative level", logWriteRaw(-1, "x"), errno(wasmabi.EINVAL))
	t.is("a text that is cut", logWriteRaw(1, strings.Repeat("x", wasmabi.MaxLogBytes+10)), 0)
}

func logEnabled(t *try) {
	t.is("error", abiLogEnabled(3), 1)
	t.is("info", abiLogEnabled(1), 1)
	t.is("an unknown level", abiLogEnabled(4), 0)
	t.is("a negative level", abiLogEnabled(-1), 0)
}

func configRead(t *try) {
	buf := make([]byte, 32<<10)
	n := configReadRaw("", buf)
	t.holds("all of it", n > 0 && json.Valid(buf[:n]))
	t.is("its length, into no room", configReadRaw("", nil), int(n))
	quoted, _ := json.Marshal(known.Text)
	t.is("a value", configReadRaw("/text", buf), len(quoted))
	t.holds("the bytes of a value", bytes.Equal(buf[:len(quoted)], quoted))
	small := []byte{'-', '-'}
	t.is("the length of what does not fit", configReadRaw("/text", small), len(quoted))
	t.holds("nothing is written where it does not fit", string(small) == "--")
	t.is("nothing is there", configReadRaw("/none", buf), errno(wasmabi.ENOENT))
	t.is("no pointer", configReadRaw("text", buf), errno(wasmabi.EINVAL))
}

func deadlineMs(t *try) {
	t.holds("some time is left", abiDeadlineMs() > 0)
	t.holds("not more than an operation may have", abiDeadlineMs() <= 60_000)
}

func clockNow(t *try) {
	now := abiClockNow()
	const year2025, year2200 = 1_735_689_600_000_000_000, 7_258_118_400_000_000_000
	t.holds("the time is one of our days", now > year2025 && now < year2200)
	t.holds("whole milliseconds", now%1_000_000 == 0)
	t.holds("it does not go back", abiClockNow() >= now)
}

func randomFill(t *try) {
	a, b := make([]byte, 32), make([]byte, 32)
	t.is("32 bytes", randomRaw(a), 32)
	t.is("32 bytes more", randomRaw(b), 32)
	t.holds("they differ", !bytes.Equal(a, b))
	t.is("nothing", randomRaw(nil), 0)
	t.is("the rest of the quota", randomRaw(make([]byte, wasmabi.MaxRandomBytes-64)), wasmabi.MaxRandomBytes-64)
	t.is("over the quota", randomRaw(a), errno(wasmabi.EDQUOT))
}

// outside is what functions answered in cred_configure.
func outside(t *try) {
	t.is("kv_get before an operation", early.kv, errno(wasmabi.EPERM))
	t.is("http_call before an operation", early.http, errno(wasmabi.EPERM))
}
