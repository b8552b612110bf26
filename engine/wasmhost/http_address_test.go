package wasmhost

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
	"github.com/credence-engine/credence/wasmabi"
)

// serveOn answers on an address of this machine.
func serveOn(t *testing.T, address string) *server {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Skipf("SKIPPED, this machine has no address %s: %v", address, err)
	}
	s := &server{}
	s.Server = &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		s.requests.Add(1)
	})}}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// A rule says where a request may go. That it says so for a private address is
// not enough.
func TestPrivateAddressesNeedTheWordOfTheOperatorAndOfTheNode(t *testing.T) {
	for name, on := range map[string]struct{ listen, host string }{
		"IPv4":          {"127.0.0.1:0", "127.0.0.1"},
		"another IPv4":  {"127.1.2.3:0", "127.1.2.3"},
		"IPv6":          {"[::1]:0", "[::1]"},
		"localhost":     {"127.0.0.1:0", "localhost"},
		"a public name": {"127.0.0.1:0", "erp.example"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveOn(t, on.listen)
			_, port, err := net.SplitHostPort(s.Listener.Addr().String())
			require.NoError(t, err)
			to := "http://" + on.host + ":" + port + "/"
			w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
			if !strings.Contains(on.host, "localhost") {
				w.runtime.resolver = (&names{of: map[string][]string{"erp.example.": {"127.0.0.1"}}}).resolver()
			}
			w.calling(rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(to, false)+`]}`), func(g *guest) {
				_, errno := g.get(to)
				require.EqualValues(t, eperm, errno)
				require.Len(t, g.log.lines("a request of a module failed", "GET http://"+on.host+":"+port, "the address is private"), 1)
			})
			require.Zero(t, s.requests.Load())
			w.calling(rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(to, true)+`]}`), func(g *guest) {
				r, errno := g.get(to)
				require.Zero(t, errno)
				require.EqualValues(t, 200, r.Status)
			})
			require.EqualValues(t, 1, s.requests.Load())
		})
	}
}

func TestANodeThatAllowsNoPrivateAddressesRefusesTheGrant(t *testing.T) {
	r := newRuntime(t, Options{})
	_, err := r.Start(t.Context(), engine.Service{Name: "s", Grants: []byte(`{"http":[` + rule("http://10.0.0.1/", true) + `]}`)}, fetch(tiny(t)))
	e := failure(t, engine.CodeConflict, err)
	require.Equal(t, "/grants", e.Field)
	require.Contains(t, e.Message, "modules.http.allowPrivate")
}

func TestANodeThatDoesNotAllowACapabilityRefusesTheModule(t *testing.T) {
	wasm := withManifest(t, tiny(t), `{"abi":1,"name":"x","version":"1","capabilities":{"kv":{},"crypto":{}}}`)
	for _, c := range []struct {
		allowed []string
		refused string
	}{{nil, ""}, {[]string{"crypto", "kv"}, ""}, {[]string{"kv"}, `"crypto"`}, {[]string{}, `"kv"`}} {
		r := newRuntime(t, Options{Ceiling: Ceiling{Capabilities: c.allowed}})
		s, err := r.Start(t.Context(), engine.Service{Name: "s"}, fetch(wasm))
		if c.refused == "" {
			require.NoError(t, err)
			s.Close()
			continue
		}
		require.Contains(t, failure(t, engine.CodeConflict, err).Message, c.refused+", which this node does not allow")
	}
}

// No word opens these.
func TestForbiddenAddressesAreNeverReached(t *testing.T) {
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	resolved := map[string][]string{}
	hosts := []string{"169.254.169.254", "0.0.0.0", "100.100.100.200", "224.0.0.1", "255.255.255.255", "[fd00:ec2::254]", "[fe80::1]", "[ff02::1]", "[::]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]"}
	for _, host := range hosts[:6] {
		name := "n" + strings.Trim(strings.NewReplacer(".", "-", ":", "-", "[", "", "]", "").Replace(host), "-") + ".example"
		resolved[name+"."] = []string{strings.Trim(host, "[]")}
		hosts = append(hosts, name)
	}
	w.runtime.resolver = (&names{of: resolved}).resolver()
	for _, host := range hosts {
		to := "http://" + host + "/latest/meta-data/"
		w.calling(rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(to, true)+`]}`), func(g *guest) {
			_, errno := g.get(to)
			require.EqualValues(t, eperm, errno, host)
		})
	}
}

// A name that leads somewhere else the second time is judged by where it leads
// then.
func TestANameIsJudgedWhenTheConnectionIsMade(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	n := &names{of: map[string][]string{
		"to-metadata.example.": {"127.0.0.1", "169.254.169.254"},
		"to-inside.example.":   {"169.254.0.1", "127.0.0.1"},
	}}
	w.runtime.resolver = n.resolver()
	first, second := "http://to-metadata.example"+port+"/", "http://to-inside.example"+port+"/"
	w.calling(rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(first, true)+`,`+rule(second, false)+`]}`), func(g *guest) {
		_, errno := g.get(first)
		require.Zero(t, errno)
		_, errno = g.get(first)
		require.EqualValues(t, eperm, errno)
		for range 2 {
			_, errno = g.get(second)
			require.EqualValues(t, eperm, errno)
		}
	})
	require.EqualValues(t, 1, s.requests.Load())
	require.Equal(t, map[string]int{"to-metadata.example.": 2, "to-inside.example.": 2}, n.asked)
}

// The two entries lead to one server. A connection that one of them may open is
// not there for the other.
func TestAConnectionToAPrivateAddressIsNotSharedWithOtherRules(t *testing.T) {
	s := serve(t, nil)
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	w.calling(rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(s.URL+"/inside/", true)+`,`+rule(s.URL+"/outside/", false)+`]}`), func(g *guest) {
		_, errno := g.get(s.URL + "/inside/")
		require.Zero(t, errno)
		_, errno = g.get(s.URL + "/outside/")
		require.EqualValues(t, eperm, errno)
	})
	require.EqualValues(t, 1, s.requests.Load())
}

func TestOnlyWhatIsOnTheListIsAsked(t *testing.T) {
	s := serve(t, nil)
	other := serve(t, nil)
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	n := &names{of: map[string][]string{"erp.example.": {"127.0.0.1"}}}
	w.runtime.resolver = n.resolver()
	own := rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(s.URL+"/devices/", true, "GET", "PUT")+`]}`)
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	ask := func(method, url string) (errno int64) {
		w.calling(own, func(g *guest) { errno = g.ask(wasmabi.HTTPRequest{Method: method, URL: url}) })
		return errno
	}
	for name, c := range map[string]struct {
		method, url string
		errno       int64
	}{
		"another method":          {"DELETE", s.URL + "/devices/1", eperm},
		"a method in lower case":  {"get", s.URL + "/devices/1", einval},
		"a method with a space":   {"GET /x HTTP/1.1\r\nX:", s.URL + "/devices/1", einval},
		"CONNECT":                 {"CONNECT", s.URL + "/devices/1", einval},
		"another path":            {"GET", s.URL + "/admin", eperm},
		"the path above":          {"GET", s.URL + "/devices", eperm},
		"another port":            {"GET", other.URL + "/devices/1", eperm},
		"another scheme":          {"GET", strings.Replace(s.URL, "http:", "https:", 1) + "/devices/1", eperm},
		"a name for the address":  {"GET", "http://localhost" + port + "/devices/1", eperm},
		"a name that leads there": {"GET", "http://erp.example" + port + "/devices/1", eperm},
		"another address":         {"GET", "http://127.0.0.2" + port + "/devices/1", eperm},
	} {
		require.Equal(t, c.errno, ask(c.method, c.url), name)
	}
	for name, odd := range oddTargets {
		if !strings.Contains(name, "2049") { // which is malformed as a message
			require.EqualValues(t, einval, ask("GET", odd), name)
		}
	}
	require.Zero(t, s.requests.Load()+other.requests.Load())
	require.Empty(t, n.asked, "no name is looked up for what is not allowed")
	require.Positive(t, ask("PUT", s.URL+"/devices/1"))
	require.EqualValues(t, 1, s.requests.Load())
}

func TestRedirectsAreAnswersAndNotFollowed(t *testing.T) {
	inside := serve(t, nil)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inside.URL+"/secrets", http.StatusFound)
	})
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	w.calling(rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(s.URL, true)+`]}`), func(g *guest) {
		r, errno := g.get(s.URL + "/")
		require.Zero(t, errno)
		require.EqualValues(t, http.StatusFound, r.Status)
		require.Contains(t, r.Headers, wasmabi.Header{Name: "location", Value: inside.URL + "/secrets"})
	})
	require.Zero(t, inside.requests.Load())
}

func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	proxy, s := serve(t, nil), serve(t, nil)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	w.runtime.resolver = (&names{of: map[string][]string{"erp.example.": {"127.0.0.1"}}}).resolver()
	to := "http://erp.example:" + u.Port() + "/"
	w.calling(rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(to, true)+`]}`), func(g *guest) {
		_, errno := g.get(to)
		require.Zero(t, errno)
	})
	require.Zero(t, proxy.requests.Load())
	require.EqualValues(t, 1, s.requests.Load())
}

func TestServersOfHTTPSHaveToBeTrusted(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	for _, trusted := range []bool{false, true} {
		o := Options{Ceiling: Ceiling{AllowPrivate: true}}
		if trusted {
			o.Roots = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		}
		w := newWorld(t, o)
		w.runtime.resolver = (&names{of: map[string][]string{"example.com.": {"127.0.0.1"}, "other.example.": {"127.0.0.1"}}}).resolver()
		right := strings.Replace(s.URL, "127.0.0.1", "example.com", 1) + "/"
		wrong := strings.Replace(s.URL, "127.0.0.1", "other.example", 1) + "/"
		w.calling(rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(right, true)+`,`+rule(wrong, true)+`]}`), func(g *guest) {
			_, errno := g.get(wrong)
			require.EqualValues(t, eagain, errno)
			require.Len(t, g.log.lines("the certificate is not trusted"), 1)
			_, errno = g.get(right)
			require.Equal(t, trusted, errno == 0)
		})
	}
}

func TestOutsideOfAnOperationNothingIsAsked(t *testing.T) {
	s := serve(t, nil)
	w := newWorld(t, Options{Ceiling: Ceiling{AllowPrivate: true}})
	own := rightsFor(t, w.runtime.Runtime, `{"http":[`+rule(s.URL, true)+`]}`)
	for name, kv := range map[string]state{"at the start": nil, "on trial": noState{}} {
		g := newGuest(t, nil, kv)
		g.call.rights = own
		_, errno := g.get(s.URL + "/")
		require.EqualValues(t, eperm, errno, name)
	}
	require.NoError(t, w.units.work(t, func(_ context.Context, tx *engine.Tx) error {
		g := newGuest(t, tx, nil)
		_, errno := g.get(s.URL + "/")
		require.EqualValues(t, eperm, errno, "without rights")
		return nil
	}))
	require.Zero(t, s.requests.Load())
}
