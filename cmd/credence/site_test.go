package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/credence-engine/credence/builtin"
	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/enginetest"
	"github.com/credence-engine/credence/engine/rest"
)

// binary is the program, built without the race detector, for tests in which
// others call it: it compiles modules ten times faster than the test does.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "credence-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "credence")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v\n%s", err, out))
	}
	// fasthttp keeps the text of the Date header in a goroutine of the process.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.Cleanup(func(code int) {
			_ = os.RemoveAll(dir)
			os.Exit(code)
		}))
}

const testPassword = "correct horse battery staple"

// site is a running server: the real engine and REST API over a memory store.
type site struct {
	url    string
	engine *engine.Engine
}

func newSite(t *testing.T, change ...func(*engine.Options, *rest.Options)) *site {
	t.Helper()
	engineOptions := engine.Options{Store: enginetest.NewMemoryStore(), Builtins: builtin.Services()}
	restOptions := rest.Options{ShutdownTimeout: 2 * time.Second}
	for _, c := range change {
		c(&engineOptions, &restOptions)
	}
	e := engine.New(engineOptions)
	_, err := e.Bootstrap(t.Context(), testPassword)
	require.NoError(t, err)
	restOptions.Engine = e
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)

	ctx, stop := context.WithCancel(context.Background())
	var running errgroup.Group
	running.Go(func() error { return e.Run(ctx) })
	running.Go(func() error { return rest.New(restOptions).Run(ctx, listener) })
	t.Cleanup(func() {
		stop()
		require.NoError(t, running.Wait())
		e.Close()
	})
	scheme := "http://"
	if restOptions.TLS != nil {
		scheme = "https://"
	}
	return &site{url: scheme + listener.Addr().String(), engine: e}
}

func withTLS(certificate tls.Certificate) func(*engine.Options, *rest.Options) {
	return func(_ *engine.Options, o *rest.Options) {
		o.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
}

// result is what a command left behind.
type result struct {
	code           int
	stdout, stderr string
}

// credence runs the program in a world of its own.
func credence(t *testing.T, env []string, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	w := &world{program: binary, args: args, env: env, stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr}
	code := run(t.Context(), w)
	require.NotContains(t, stdout.String()+stderr.String(), testPassword, "the password was shown")
	return result{code: code, stdout: stdout.String(), stderr: stderr.String()}
}

// env is the environment of somebody who is logged in at the site.
func (s *site) env() []string {
	return []string{serverVariable + "=" + s.url, passwordVariable + "=" + testPassword}
}

// run runs a command at the site.
func (s *site) run(t *testing.T, args ...string) result {
	t.Helper()
	return credence(t, s.env(), "", args...)
}

// must runs a command that is to succeed, and returns what it wrote.
func (s *site) must(t *testing.T, args ...string) string {
	t.Helper()
	r := s.run(t, args...)
	require.Equal(t, exitDone, r.code, "credence %s: %s", strings.Join(args, " "), r.stderr)
	require.Empty(t, r.stderr)
	return r.stdout
}

// get runs a command that is to succeed, and returns its JSON.
func (s *site) get(t *testing.T, args ...string) map[string]any {
	t.Helper()
	var document map[string]any
	require.NoError(t, json.Unmarshal([]byte(s.must(t, append(args, "-o", "json")...)), &document))
	return document
}

// refused runs a command that the server is to refuse, with this code.
func (s *site) refused(t *testing.T, code string, args ...string) string {
	t.Helper()
	r := s.run(t, args...)
	require.Equal(t, exitFailed, r.code, "credence %s: %s%s", strings.Join(args, " "), r.stdout, r.stderr)
	require.Empty(t, r.stdout)
	require.Regexp(t, `(?m)\(`+code+`, .*request \S+\)$`, r.stderr) // and maybe what to add
	return r.stderr
}

// line is the value of a field in a table.
func line(t *testing.T, table, field string) string {
	t.Helper()
	for row := range strings.Lines(table) {
		if rest, found := strings.CutPrefix(row, field+"  "); found {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("no field %q in\n%s", field, table)
	return ""
}

// file writes a file of the test.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}
