package guesttest

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/credence-engine/credence/wasmabi"
	"github.com/credence-engine/credence/wasmabi/guest"
)

// fake is the engine as a guest sees it.
type fake struct {
	state    map[string]string // committed
	draft    map[string]string // of the operation; nil outside one
	config   string
	now      time.Time
	deadline time.Duration
	random   func([]byte)
	routes   []route
	secrets  map[string][]byte

	// Of the operation.
	reason    string
	log       []Record
	kvCalls   int
	filled    int
	httpCalls int
	results   [][]byte // encoded responses
	hashed    int
}

func newFake() *fake {
	return &fake{
		state:    make(map[string]string),
		secrets:  make(map[string][]byte),
		config:   "{}",
		now:      time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC),
		deadline: 250 * time.Millisecond,
		random:   func(p []byte) { _, _ = rand.Read(p) },
	}
}

// begin starts an operation.
func (f *fake) begin(draft map[string]string) {
	f.draft, f.reason, f.log = draft, "", nil
	f.kvCalls, f.filled, f.httpCalls, f.results, f.hashed = 0, 0, 0, nil, 0
}

// result turns a status into an error.
func (f *fake) result(status guest.Status) error {
	switch {
	case status == wasmabi.OK:
		return nil
	case f.reason == "":
		return guest.Fail(status, status.String())
	}
	return guest.Fail(status, f.reason)
}

func (f *fake) configure(config string) bool {
	if config == "" {
		config = "{}"
	}
	f.config = config
	return json.Valid([]byte(config))
}

// ErrorWrite implements host.Core.
func (f *fake) ErrorWrite(text string) { f.reason = cut(text, wasmabi.MaxErrorBytes) }

// LogWrite implements host.Core.
func (f *fake) LogWrite(level wasmabi.Level, text string) {
	if len(f.log) < wasmabi.MaxLogRecords {
		f.log = append(f.log, Record{Level: level, Text: cut(text, wasmabi.MaxLogBytes)})
	}
}

// LogEnabled implements host.Core.
func (f *fake) LogEnabled(level wasmabi.Level) bool { return level.Valid() }

// DeadlineMs implements host.Core.
func (f *fake) DeadlineMs() int32 { return int32(max(f.deadline, 0) / time.Millisecond) }

// ConfigRead implements host.Core.
func (f *fake) ConfigRead(pointer string, dst []byte) int32 {
	if pointer != "" && pointer[0] != '/' {
		return wasmabi.EINVAL.Return()
	}
	value, found := resolve(json.RawMessage(f.config), pointer)
	if !found {
		return wasmabi.ENOENT.Return()
	}
	return give(dst, string(value))
}

// KvGet implements host.Kv.
func (f *fake) KvGet(key string, dst []byte) int32 {
	if refused := f.kvCall(key); refused != 0 {
		return refused
	}
	value, found := f.draft[key]
	if !found {
		return wasmabi.ENOENT.Return()
	}
	return give(dst, value)
}

// KvPut implements host.Kv.
func (f *fake) KvPut(key string, value []byte) int32 {
	if refused := f.kvCall(key); refused != 0 {
		return refused
	}
	if len(value) > wasmabi.MaxKvValueBytes {
		return wasmabi.E2BIG.Return()
	}
	f.draft[key] = string(value)
	return 0
}

// KvDelete implements host.Kv.
func (f *fake) KvDelete(key string) int32 {
	if refused := f.kvCall(key); refused != 0 {
		return refused
	}
	delete(f.draft, key)
	return 0
}

// KvScan implements host.Kv.
func (f *fake) KvScan(prefix, after string, dst []byte) int32 {
	if refused := f.kvCall("-"); refused != 0 {
		return refused
	}
	var page wasmabi.KvPage
	size := 0
	for _, key := range f.keys(prefix, after) {
		e := wasmabi.KvEntry{Key: []byte(key), Value: []byte(f.draft[key])}
		if size+e.Size() > len(dst) {
			if size == 0 {
				return wasmabi.E2BIG.Return()
			}
			break
		}
		size += e.Size()
		page.Entries = append(page.Entries, e)
	}
	return int32(len(page.Append(dst[:0])))
}

// ClockNow implements host.Clock.
func (f *fake) ClockNow() int64 { return f.now.Truncate(time.Millisecond).UnixNano() }

// RandomFill implements host.Random.
func (f *fake) RandomFill(dst []byte) int32 {
	if f.filled += len(dst); f.filled > wasmabi.MaxRandomBytes {
		return wasmabi.EDQUOT.Return()
	}
	f.random(dst)
	return int32(len(dst))
}

// kvCall returns what a kv function with this key is refused with, or 0.
func (f *fake) kvCall(key string) int32 {
	f.kvCalls++
	switch {
	case f.draft == nil:
		return wasmabi.EPERM.Return()
	case f.kvCalls > wasmabi.MaxKvCalls:
		return wasmabi.EDQUOT.Return()
	case key == "":
		return wasmabi.EINVAL.Return()
	case len(key) > wasmabi.MaxKvKeyBytes:
		return wasmabi.E2BIG.Return()
	}
	return 0
}

func (f *fake) keys(prefix, after string) []string {
	var keys []string
	for key := range f.draft {
		if strings.HasPrefix(key, prefix) && key > after {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// give copies a value if it fits, and returns its length.
func give(dst []byte, value string) int32 {
	if len(value) <= len(dst) {
		copy(dst, value)
	}
	return int32(len(value))
}

// cut keeps the beginning of a text, and no half character.
func cut(text string, limit int) string {
	return strings.ToValidUTF8(text[:min(len(text), limit)], "")
}

// resolve follows a JSON pointer.
func resolve(value json.RawMessage, pointer string) (json.RawMessage, bool) {
	if pointer == "" {
		return value, true
	}
	token, rest, more := strings.Cut(pointer[1:], "/")
	if more {
		rest = "/" + rest
	}
	token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
	var object map[string]json.RawMessage
	if json.Unmarshal(value, &object) == nil {
		member, found := object[token]
		if !found {
			return nil, false
		}
		return resolve(member, rest)
	}
	var list []json.RawMessage
	n, err := strconv.Atoi(token)
	if err != nil || json.Unmarshal(value, &list) != nil || n < 0 || n >= len(list) {
		return nil, false
	}
	return resolve(list[n], rest)
}
