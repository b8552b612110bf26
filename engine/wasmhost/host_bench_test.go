package wasmhost

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/wasmabi"
)

// bound prepares a call of a host function as a guest makes it, without the
// guest. Quotas do not end it.
func (g *guest) bound(name string, args ...any) func() int64 {
	g.t.Helper()
	_ = g.do(name, args...) // puts the arguments into memory
	g.call.results = nil
	var params []uint64
	free := uint64(0)
	for _, arg := range args {
		switch v := arg.(type) {
		case int:
			params = append(params, uint64(uint32(v)))
		case string:
			params = append(params, free, uint64(len(v)))
			free += uint64(len(v))
		}
	}
	stack := make([]uint64, max(1, len(params)))
	ctx := &callContext{context.Background(), g.call}
	for _, f := range abiFunctions() {
		if f.name == name {
			do := f.bind()
			return func() int64 {
				g.call.spent = spent{}
				copy(stack, params)
				do(ctx, g.module, stack)
				return int64(int32(uint32(stack[0])))
			}
		}
	}
	g.t.Fatalf("there is no %s", name)
	return nil
}

// hurried starts an operation without end.
func (g *guest) hurried(tx *engine.Tx) *guest {
	g.call.begin(context.Background(), tx, subject{"app", "req"}, time.Now().Add(time.Hour))
	return g
}

func BenchmarkReadOfState(b *testing.B) {
	w := newWorld(b, Options{})
	require.NoError(b, w.units.work(b, func(ctx context.Context, tx *engine.Tx) error {
		g := newGuest(b, tx, nil).hurried(tx)
		require.Zero(b, g.do("kv_put", "key", strings.Repeat("v", 200)))
		read := g.bound("kv_get", "key", buf, 1000)
		versus(b, "x-state", func() {
			g.call.state = nil // which has a quota
			if n := read(); n != 200 {
				b.Fatal(n)
			}
		}, func() {
			if v, _, err := tx.State().Get(ctx, []byte("key")); err != nil || len(v) != 200 {
				b.Fatal(err)
			}
		})
		return nil
	}))
}

func BenchmarkHTTPCall(b *testing.B) {
	s := serve(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"known":true}`) })
	w := newWorld(b, Options{Ceiling: Ceiling{AllowPrivate: true}, Secrets: keep(map[string]string{"key": token})})
	own := rightsFor(b, w.runtime.Runtime, `{"http":[`+rule(s.URL, true)+`],"secrets":["key"]}`)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	b.Cleanup(client.CloseIdleConnections)
	require.NoError(b, w.units.work(b, func(ctx context.Context, tx *engine.Tx) error {
		g := newGuest(b, tx, nil).hurried(tx)
		g.call.rights = own
		request := wasmabi.HTTPRequest{Method: "GET", URL: s.URL + "/devices/1", Headers: []wasmabi.Header{{Name: "authorization", Value: "Bearer ", Secret: "key"}}}
		call := g.bound("http_call", string(request.Append(nil)))
		versus(b, "x-net/http", func() {
			if n := call(); n != int64(g.call.firstResult) {
				b.Fatal(n)
			}
			g.call.results = g.call.results[:0]
		}, func() {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/devices/1", nil)
			require.NoError(b, err)
			r.Header.Set("Authorization", "Bearer "+token)
			answer, err := client.Do(r)
			require.NoError(b, err)
			_, err = io.ReadAll(answer.Body)
			require.NoError(b, err)
			require.NoError(b, answer.Body.Close())
		})
		return nil
	}))
}

func BenchmarkCryptography(b *testing.B) {
	w := newWorld(b, Options{Secrets: keep(map[string]string{"key": token})})
	own := rightsFor(b, w.runtime.Runtime, `{"secrets":["key"]}`)
	key := string(make([]byte, 32))
	for name, args := range map[string][]any{
		"crypto_hash":   {1, "abc", buf, 32},
		"crypto_hmac":   {1, key, "abc", buf, 32},
		"secret_hmac":   {"key", 1, "abc", buf, 32},
		"crypto_verify": {17, key, "abc", key},
	} {
		b.Run(name, func(b *testing.B) {
			g := newGuest(b, nil, nil).hurried(nil)
			g.call.rights = own
			call := g.bound(name, args...)
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
		})
	}
}
