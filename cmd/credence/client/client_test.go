package client

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The server answers with what it saw, as no other part of the tests can show
// how a request looks on the wire.
func TestSegmentsReachAServerAsTheyAre(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Seen", r.RequestURI)
	}))
	defer server.Close()
	c, err := New(Options{Server: server.URL + "/below/"})
	require.NoError(t, err)
	defer c.Close()
	for segment, want := range map[string]string{
		"aZ09-_~.":  "aZ09-_~.",
		"a/b+c=":    "a%2Fb%2Bc%3D",
		"..":        "%2E%2E",
		".":         "%2E",
		"a?b#c%":    "a%3Fb%23c%25",
		"ü":         "%C3%BC",
		"sha256:ab": "sha256%3Aab",
	} {
		req, err := c.prepare(t.Context(), request{method: http.MethodGet, path: at("v1", segment, "x")})
		require.NoError(t, err)
		resp, err := c.http.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, "/below/v1/"+want+"/x", resp.Header.Get("X-Seen"))
	}
}

func FuzzSegmentsSurvive(f *testing.F) {
	f.Add("a/b+c=")
	f.Add("..")
	f.Fuzz(func(t *testing.T, segment string) {
		u, err := url.Parse("http://host" + at("v1", segment, "x"))
		require.NoError(t, err)
		require.Equal(t, "/v1/"+segment+"/x", u.Path)
		require.Equal(t, at("v1", segment, "x"), u.EscapedPath())
	})
}

func TestErrorNamesAllThatHelps(t *testing.T) {
	for want, e := range map[string]Error{
		"no (denied)":                     {Code: "denied", Detail: "no"},
		"Forbidden (denied, request r-1)": {Code: "denied", Title: "Forbidden", RequestID: "r-1"},
		"bad (invalid, field /name, incident i-1, request r-1)": {Code: "invalid", Detail: "bad", Field: "/name", Incident: "i-1", RequestID: "r-1"},
	} {
		require.EqualError(t, &e, want)
	}
}
