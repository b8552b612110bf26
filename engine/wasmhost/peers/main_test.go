package peers

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/credence-engine/credence/engine/wasmhost/internal/wattest"
)

// What is asked for and what is answered is the same for all.
const (
	id          = "a-credentials-id-of-forty-three-characters."
	application = "application"
)

var body = bytes.Repeat([]byte("0123456789"), 29)

// answer is the text that peers without messages of their own exchange.
var answer = append([]byte(id), body...)

// asked is a peer's lookup; it returns the body.
type asked func() ([]byte, error)

func TestMain(m *testing.M) {
	if os.Getenv(asPlugin.MagicCookieKey) == asPlugin.MagicCookieValue {
		servePlugin() // this process is the child of go-plugin
		return
	}
	os.Exit(m.Run())
}

// BenchmarkLookup reports for each peer how many times as long it takes as a
// lookup through this host, with a guest in Go and with one in C. The peers'
// guests are in Go.
func BenchmarkLookup(b *testing.B) {
	inGo, inC := newHost(b, wattest.Lookup(b, "go")), newHost(b, wattest.Lookup(b, "c"))
	for _, peer := range []struct {
		name string
		open func(testing.TB) asked
	}{
		{"native", native},
		{"knqyf263-go-plugin", knqyf},
		{"extism-go-sdk", extismSDK},
		{"hashicorp-go-plugin-grpc", hashicorp},
	} {
		b.Run(peer.name, func(b *testing.B) {
			ask := peer.open(b)
			inGo.during(b, func(inGo asked) { inC.during(b, func(inC asked) { versus(b, ask, inGo, inC) }) })
		})
	}
}

// versus runs all b.N times, in turns so that what else the machine does hits
// each of them.
func versus(b *testing.B, peer, inGo, inC asked) {
	b.Helper()
	for range 2000 { // what is made on first use
		check(b, peer)
		check(b, inGo)
		check(b, inC)
	}
	const turn = 64
	var theirs, ownGo, ownC time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += turn {
		n := min(turn, b.N-done)
		theirs += took(b, n, peer)
		b.StopTimer()
		ownGo += took(b, n, inGo)
		ownC += took(b, n, inC)
		b.StartTimer()
	}
	b.ReportMetric(float64(theirs)/float64(ownGo), "x-credence-go")
	b.ReportMetric(float64(theirs)/float64(ownC), "x-credence-c")
	b.ReportMetric(float64(ownGo.Nanoseconds())/float64(b.N), "credence-go-ns/op")
	b.ReportMetric(float64(ownC.Nanoseconds())/float64(b.N), "credence-c-ns/op")
}

func took(b *testing.B, n int, ask asked) time.Duration {
	began := time.Now()
	for range n {
		check(b, ask)
	}
	return time.Since(began)
}

func check(b *testing.B, ask asked) {
	if got, err := ask(); err != nil || len(got) < len(body) {
		b.Fatalf("%d bytes, %v", len(got), err)
	}
}

// guest builds a Go program of testdata as a reactor for wasip1.
func guest(tb testing.TB, name string) string {
	tb.Helper()
	out := filepath.Join(tb.TempDir(), name+".wasm")
	cmd := exec.CommandContext(tb.Context(), "go", "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, "./testdata/"+name)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v: %s", err, text)
	}
	return out
}
