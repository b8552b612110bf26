package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/engine/rest"
)

// failed runs a command that cannot reach a decision.
func failed(t *testing.T, env []string, args ...string) string {
	t.Helper()
	r := credence(t, env, "", args...)
	require.Equal(t, exitFailed, r.code, r.stderr)
	require.Empty(t, r.stdout)
	return r.stderr
}

func TestLoginComesFromEnvironmentOrFile(t *testing.T) {
	s := newSite(t)
	server := serverVariable + "=" + s.url
	for name, content := range map[string]string{"plain": testPassword, "line": testPassword + "\n", "lines": testPassword + "\r\nmore\n"} {
		t.Run(name, func(t *testing.T) {
			r := credence(t, []string{server}, "", "app", "list", "--password-file", file(t, "password", content))
			require.Equal(t, exitDone, r.code, r.stderr)
		})
	}
	wrong := []string{server, passwordVariable + "=wrong"}
	require.Equal(t, exitDone, credence(t, wrong, "", "app", "list", "--password-file", file(t, "p", testPassword)).code, "the file that was named wins")
	require.Contains(t, failed(t, wrong, "app", "list"), "the login was admin with the password of CREDENCE_PASSWORD")
	require.Contains(t, failed(t, append(s.env(), userVariable+"=eve"), "app", "list"), "unauthenticated")
	require.Contains(t, failed(t, s.env(), "app", "list", "--user", "eve"), "the login was eve")
	require.Contains(t, failed(t, []string{server}, "app", "list"), "set CREDENCE_PASSWORD, or name a file with --password-file")
	require.Contains(t, failed(t, []string{server}, "app", "list", "--password-file", "/does/not/exist"), "cannot read the password")
	require.Contains(t, failed(t, []string{server}, "app", "list", "--password-file", file(t, "p", "\n")), "first line")
}

func TestServerComesFromFlagOrEnvironment(t *testing.T) {
	s := newSite(t)
	elsewhere := []string{serverVariable + "=http://127.0.0.1:1", passwordVariable + "=" + testPassword}
	require.Equal(t, exitDone, credence(t, elsewhere, "", "app", "list", "--server", s.url+"/").code)
	require.Equal(t, exitDone, credence(t, elsewhere, "", "--server", s.url, "app", "list").code, "global flags may come first")
	text := failed(t, elsewhere, "app", "list")
	require.Equal(t, "credence: cannot reach the server at http://127.0.0.1:1: connection refused; start one with credence serve, or name its address with --server or CREDENCE_SERVER\n", text)
}

func TestAddressesThatCannotBeUsedAreRefused(t *testing.T) {
	env := []string{passwordVariable + "=x"}
	for address, says := range map[string]string{
		"127.0.0.1:8080":      "must look like",
		"ftp://host":          "must look like",
		"http://":             "must look like",
		"http://admin:hush@h": "must not hold a login",
		"http://host/?a=b":    "without ? or #",
	} {
		require.Contains(t, failed(t, env, "app", "list", "--server", address), says)
	}
}

func TestHTTPSNeedsAnAuthorityThatIsTrusted(t *testing.T) {
	k := newKeys(t)
	s := newSite(t, withTLS(tls.Certificate{Certificate: [][]byte{k.certificate}, PrivateKey: k.private}),
		func(_ *engine.Options, o *rest.Options) { o.Log = slog.New(slog.DiscardHandler) })
	require.Contains(t, failed(t, s.env(), "app", "list"), "name the authority that signed its certificate with --ca-file")
	r := credence(t, s.env(), "", "app", "list", "--ca-file", file(t, "ca.pem", string(k.certificatePEM)))
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Contains(t, failed(t, s.env(), "app", "list", "--ca-file", file(t, "ca.pem", "nothing")), "no certificate in PEM form")
	require.Contains(t, failed(t, s.env(), "app", "list", "--ca-file", "/does/not/exist"), "cannot read the authorities")
}

// elsewhere is a server that is no Credence server.
func elsewhere(t *testing.T, handle http.HandlerFunc) []string {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return []string{serverVariable + "=" + server.URL, passwordVariable + "=" + testPassword}
}

func TestOtherServersAreRecognised(t *testing.T) {
	for name, c := range map[string]struct {
		handle http.HandlerFunc
		says   string
	}{
		"an error page":     {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }, "answered 502 Bad Gateway without a reason"},
		"a redirect":        {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, "answered 302 Found without a reason"},
		"a page":            {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, "is not one of a Credence server"},
		"other JSON":        {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"items":[1]}`) }, "is not one of a Credence server"},
		"a broken exchange": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "may or may not have been done"},
		"control characters": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"code":"conflict","detail":"a\u001b[2Jb"}`)
		}, `a\x1b[2Jb (conflict)`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, failed(t, elsewhere(t, c.handle), "app", "list"), c.says)
		})
	}
}

func TestTimeoutIsReportedAsAnOpenOutcome(t *testing.T) {
	env := elsewhere(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	require.Contains(t, failed(t, env, "app", "list", "--timeout", "50ms"), "did not answer within 50ms; what was asked for may or may not have been done")
}

func TestInterruptEndsACommand(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	env := elsewhere(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	var stderr bytes.Buffer
	w := &world{args: []string{"app", "list"}, env: env, stdout: io.Discard, stderr: &stderr}
	require.Equal(t, exitFailed, run(ctx, w))
	require.Contains(t, stderr.String(), "given up before")
}

func TestServerThatListensButIsSilentIsNoticed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	env := []string{serverVariable + "=http://" + listener.Addr().String(), passwordVariable + "=x"}
	require.Contains(t, failed(t, env, "app", "list", "--timeout", "50ms"), "did not answer within 50ms")
}
