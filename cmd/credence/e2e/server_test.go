package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const password = "a password of the tests"

// server is a running "credence serve" and a client of it.
type server struct {
	t     *testing.T
	plain bool // without the race detector
	dir   string
	args  []string
	env   []string
	url   string
	// password is that of admin, where it is not the usual one.
	password string
	cmd      *exec.Cmd
	log      *os.File
	ended    chan struct{}
}

// newServer prepares a server on a data directory of its own.
func newServer(t *testing.T, args ...string) *server {
	t.Helper()
	return newServerIn(t, nil, args...)
}

// newServerIn is newServer with variables of its environment.
func newServerIn(t *testing.T, env []string, args ...string) *server {
	t.Helper()
	s := &server{t: t, dir: filepath.Join(t.TempDir(), "data"), args: args, env: env}
	s.start()
	t.Cleanup(func() { s.kill() })
	return s
}

// newPlainServer is a server whose time and memory are those of users.
func newPlainServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, dir: filepath.Join(t.TempDir(), "data"), plain: true}
	s.start()
	t.Cleanup(func() { s.kill() })
	return s
}

// start runs the program and waits until it is ready.
func (s *server) start() {
	s.t.Helper()
	s.launch()
	s.ready()
}

// launch runs the program, at the same address each time.
func (s *server) launch() {
	s.t.Helper()
	if s.url == "" {
		s.url = "http://" + freeAddress(s.t)
	}
	s.cmd = command("serve", append([]string{"--listen", strings.TrimPrefix(s.url, "http://"), "--data-dir", s.dir}, s.args...)...)
	s.cmd.Env = append(s.cmd.Env, s.env...)
	if s.plain {
		s.cmd.Path = plainBinary
	}
	log, err := os.OpenFile(s.dir+".log", os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	require.NoError(s.t, err)
	s.log, s.cmd.Stdout, s.cmd.Stderr = log, log, log
	require.NoError(s.t, s.cmd.Start())
	s.ended = make(chan struct{})
	go func() {
		_ = s.cmd.Wait()
		_ = log.Close()
		close(s.ended)
	}()
}

// ready waits until the server is.
func (s *server) ready() {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		r, err := http.Get(s.url + "/readyz")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond, "the server does not get ready:\n%s", s.output())
}

func command(verb string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, append([]string{verb}, args...)...)
	cmd.Env = append(os.Environ(), "CREDENCE_BOOTSTRAP_PASSWORD="+password, "CREDENCE_MODULES__CACHEDIR="+moduleCache,
		"CREDENCE_MODULES__COMPILETIMEOUT=1m") // under the race detector
	return cmd
}

// freeAddress is outside the range from which the system takes the ports of
// outgoing connections, so that none of them gets it before a server does, or
// while that is down.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	tb.Fatal("there is no free port")
	return ""
}

// output is what the server has printed so far.
func (s *server) output() string {
	text, _ := os.ReadFile(s.dir + ".log")
	return string(text)
}

// kill ends the process as a power cut would.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// stop asks for a graceful end, and returns how long it took.
func (s *server) stop() time.Duration {
	began := time.Now()
	require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-s.ended:
	case <-time.After(time.Minute):
		s.t.Fatalf("the server does not stop:\n%s", s.output())
	}
	require.True(s.t, s.cmd.ProcessState.Success(), "exit code %d:\n%s", s.cmd.ProcessState.ExitCode(), s.output())
	return time.Since(began)
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   []byte
	json   map[string]any
}

// call sends a request; body may be nil, bytes (a module) or a value for JSON.
func (s *server) call(ctx context.Context, method, path string, body any) (answer, error) {
	var reader io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case []byte:
		reader, kind = bytes.NewReader(b), "application/wasm"
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return answer{}, err
		}
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, reader)
	if err != nil {
		return answer{}, err
	}
	request.SetBasicAuth("admin", cmp.Or(s.password, password))
	if reader != nil {
		request.Header.Set("Content-Type", kind)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	if a.body, err = io.ReadAll(response.Body); err != nil {
		return a, err
	}
	if strings.Contains(response.Header.Get("Content-Type"), "json") {
		err = json.Unmarshal(a.body, &a.json)
	}
	return a, err
}

// must calls and requires a status.
func (s *server) must(status int, method, path string, body any) map[string]any {
	s.t.Helper()
	a, err := s.call(s.t.Context(), method, path, body)
	require.NoError(s.t, err)
	require.Equal(s.t, status, a.status, "%s %s: %s", method, path, a.body)
	return a.json
}

type object = map[string]any

// app creates an application and returns its path.
func (s *server) app(name, service string) string {
	s.t.Helper()
	app := s.must(http.StatusCreated, http.MethodPost, "/v1/applications", object{"name": name, "credentialsService": service})
	return "/v1/applications/" + app["id"].(string)
}

// verify returns the decision and the reason.
func (s *server) verify(app, id string) (decision, reason any) {
	s.t.Helper()
	v := s.must(http.StatusOK, http.MethodPost, app+"/verify", object{"credentialsId": id})
	return v["decision"], v["reason"]
}

// deployAllowlist uploads the example module and deploys it.
func (s *server) deployAllowlist(name string) {
	s.t.Helper()
	wasm, err := os.ReadFile(allowlist)
	require.NoError(s.t, err)
	module := s.must(http.StatusCreated, http.MethodPost, "/v1/modules", wasm)
	s.must(http.StatusCreated, http.MethodPut, "/v1/credentials-services/"+name, object{"module": module["digest"]})
}
