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

// BenchmarkLookup reports for each peer how many times as long as a lookup
// through this host it takes, with the same guest's language where it has one.
func BenchmarkLookup(b *testing.B) {
	host := newHost(b, wattest.GoModule(b, "benchguest"))
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
			host.during(b, func(ours asked) { versus(b, ask, ours) })
		})
	}
}

// versus runs both b.N times, in turns so that what else the machine does hits
// both.
func versus(b *testing.B, peer, ours asked) {
	b.Helper()
	for range 2000 { // what is made on first use, and the processor's frequency
		check(b, peer)
		check(b, ours)
	}
	const turn = 64
	var theirs, own time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += turn {
		n := min(turn, b.N-done)
		theirs += took(b, n, peer)
		b.StopTimer()
		own += took(b, n, ours)
		b.StartTimer()
	}
	b.ReportMetric(float64(theirs)/float64(own), "x-credence")
	b.ReportMetric(float64(own.Nanoseconds())/float64(b.N), "credence-ns/op")
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
