package wasmhost

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// oddTargets are URLs that some parser, resolver or server reads in another
// way than another. None may be in a manifest, in grants or in a request.
var oddTargets = map[string]string{
	"no scheme":                     "erp.example.com/",
	"a relative scheme":             "//erp.example.com/",
	"another scheme":                "ftp://erp.example.com/",
	"a file":                        "file:///etc/passwd",
	"a gopher":                      "gopher://erp.example.com:11211/_stats",
	"a scheme in upper case":        "HTTPS://erp.example.com/",
	"one slash":                     "https:/erp.example.com/",
	"no host":                       "https:///devices/",
	"a port alone":                  "https://:443/",
	"a user":                        "https://user@erp.example.com/",
	"a user and a password":         "https://user:password@erp.example.com/",
	"an allowed host as user":       "https://erp.example.com@127.0.0.1/",
	"an empty user":                 "https://@erp.example.com/",
	"a backslash before an at":      `https://erp.example.com\@127.0.0.1/`,
	"a backslash":                   `https://erp.example.com\devices\`,
	"a fragment":                    "https://erp.example.com/#admin",
	"a fragment before an at":       "https://127.0.0.1#@erp.example.com/",
	"a space":                       "https://erp.example.com/ HTTP/1.1",
	"a space in front":              " https://erp.example.com/",
	"a line end":                    "https://erp.example.com/\r\nHost: 127.0.0.1",
	"a NUL":                         "https://erp.example.com/\x00",
	"a tab":                         "https://erp.example.com/\tadmin",
	"a letter of another script":    "https://еrp.example.com/",
	"a full-width dot":              "https://127。0。0。1/",
	"a circled digit":               "https://①27.0.0.1/",
	"an escape in the host":         "https://erp%2eexample.com/",
	"a trailing dot":                "https://erp.example.com./",
	"an empty label":                "https://erp..example.com/",
	"a dash at the end of a label":  "https://erp-.example.com/",
	"a label of 64":                 "https://" + strings.Repeat("a", 64) + ".example.com/",
	"a decimal address":             "http://2130706433/",
	"an octal address":              "http://0177.0.0.1/",
	"an octal address in one":       "http://017700000001/",
	"a hexadecimal address":         "http://0x7f.0.0.1/",
	"a hexadecimal address in one":  "http://0x7f000001/",
	"a hexadecimal last label":      "http://1.2.3.0x4/",
	"a short address":               "http://127.1/",
	"the zero address":              "http://0/",
	"a number as last label":        "http://erp.example.1/",
	"an address with a zero before": "http://127.0.0.01/",
	"an address with five numbers":  "http://127.0.0.0.1/",
	"a mapped address":              "http://[::ffff:127.0.0.1]/",
	"a mapped address in hex":       "http://[::ffff:7f00:1]/",
	"a long IPv6 address":           "http://[0:0:0:0:0:0:0:1]/",
	"an IPv6 address in upper case": "http://[FE80::1]/",
	"a zone":                        "http://[fe80::1%25eth0]/",
	"a zone of an address":          "http://[fe80::1%eth0]/",
	"IPv4 in brackets":              "http://[127.0.0.1]/",
	"a name in brackets":            "http://[localhost]/",
	"an open bracket":               "http://[::1/",
	"something after the bracket":   "http://[::1]x/",
	"IPv6 without brackets":         "http://::1/",
	"port 0":                        "http://erp.example.com:0/",
	"an empty port":                 "http://erp.example.com:/",
	"a large port":                  "http://erp.example.com:65536/",
	"a port with a sign":            "http://erp.example.com:+80/",
	"a port with a zero before":     "http://erp.example.com:080/",
	"two ports":                     "http://erp.example.com:80:81/",
	"a dot segment":                 "https://erp.example.com/devices/./x",
	"a parent segment":              "https://erp.example.com/devices/../admin",
	"a parent segment at the end":   "https://erp.example.com/devices/..",
	"an escaped parent":             "https://erp.example.com/devices/%2e%2e/admin",
	"a parent escaped in part":      "https://erp.example.com/devices/.%2E/admin",
	"an escaped slash":              "https://erp.example.com/devices/..%2fadmin",
	"an escaped backslash":          "https://erp.example.com/devices/..%5cadmin",
	"a double escape":               "https://erp.example.com/devices/%252e%252e/admin",
	"an overlong dot":               "https://erp.example.com/devices/%c0%ae%c0%ae/admin",
	"a parent with a parameter":     "https://erp.example.com/devices/..;/admin",
	"an escaped parameter":          "https://erp.example.com/devices/..%3b/admin",
	"an empty segment":              "https://erp.example.com//admin",
	"an escaped line end":           "https://erp.example.com/devices/%0d%0aHost:x",
	"an escaped NUL":                "https://erp.example.com/devices/%00",
	"half an escape":                "https://erp.example.com/devices/%2",
	"an escape of other letters":    "https://erp.example.com/devices/%zz",
	"a line end in the query":       "https://erp.example.com/?a\nb",
	"a quote in the query":          "https://erp.example.com/?a\"b",
	"a URL of 2049 bytes":           "https://erp.example.com/" + strings.Repeat("a", 2049-24),
}

func TestURLsWithMoreThanOneReadingAreRefused(t *testing.T) {
	for name, raw := range oddTargets {
		_, err := readTarget(raw)
		require.Error(t, err, "%s: %s", name, raw)
	}
}

func TestURLsAreReadAsTheyAreSent(t *testing.T) {
	for raw, want := range map[string]target{
		"https://erp.example.com":                    {"https", "erp.example.com", 443, "/", ""},
		"https://ERP.example.com/":                   {"https", "erp.example.com", 443, "/", ""},
		"http://erp.example.com/a/b":                 {"http", "erp.example.com", 80, "/a/b", ""},
		"https://erp.example.com:8443/a/?x=/../%2e":  {"https", "erp.example.com", 8443, "/a/", "?x=/../%2e"},
		"https://erp.example.com:443?x":              {"https", "erp.example.com", 443, "/", "?x"},
		"https://erp.example.com/SN%2B1/%C3%A9~,=a?": {"https", "erp.example.com", 443, "/SN%2B1/%C3%A9~,=a", "?"},
		"http://127.0.0.1:80/":                       {"http", "127.0.0.1", 80, "/", ""},
		"http://[::1]:8080/x":                        {"http", "::1", 8080, "/x", ""},
		"http://xn--bcher-kva.example/":              {"http", "xn--bcher-kva.example", 80, "/", ""},
		"http://a_b.example/...":                     {"http", "a_b.example", 80, "/...", ""},
		"http://localhost/":                          {"http", "localhost", 80, "/", ""},
	} {
		got, err := readTarget(raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, got, raw)
	}
}

// FuzzReadTarget checks that what is accepted means the same to the library
// that sends it.
func FuzzReadTarget(f *testing.F) {
	for _, raw := range oddTargets {
		f.Add(raw)
	}
	f.Add("https://erp.example.com:8443/SN%2B1/%C3%A9?x=1")
	f.Add("http://[::1]:8080/x")
	f.Fuzz(func(t *testing.T, raw string) {
		read, err := readTarget(raw)
		if err != nil {
			return
		}
		u, err := url.Parse(read.scheme + "://" + read.authority() + read.path + read.query)
		require.NoError(t, err)
		require.Equal(t, read.host, u.Hostname())
		require.Equal(t, read.path+read.query, u.RequestURI())
		require.Nil(t, u.User)
		require.Empty(t, u.Fragment)
		require.Equal(t, u.EscapedPath(), u.JoinPath().EscapedPath(), "the path is in its shortest form")
		again, err := readTarget(u.String())
		require.NoError(t, err)
		require.Equal(t, read, again)
	})
}

func TestRulesCoverWholeSegments(t *testing.T) {
	for _, c := range []struct {
		rule, url string
		covered   bool
	}{
		{"https://a.example/devices/", "https://a.example/devices/", true},
		{"https://a.example/devices/", "https://a.example/devices/1", true},
		{"https://a.example/devices/", "https://A.example:443/devices/1/2?q=1", true},
		{"https://a.example/devices/", "https://a.example/devices", false},
		{"https://a.example/devices/", "https://a.example/", false},
		{"https://a.example/devices/", "https://a.example/Devices/1", false},
		{"https://a.example/devices/", "http://a.example/devices/1", false},
		{"https://a.example/devices/", "https://a.example:8443/devices/1", false},
		{"https://a.example/devices/", "https://b.a.example/devices/1", false},
		{"https://a.example/devices/", "https://a.example.evil/devices/1", false},
		{"https://a.example/devices/", "https://a.example/%64evices/1", false},
		{"https://a.example/devices", "https://a.example/devices", true},
		{"https://a.example/devices", "https://a.example/devices/", true},
		{"https://a.example/devices", "https://a.example/devices/1", true},
		{"https://a.example/devices", "https://a.example/devices2", false},
		{"https://a.example", "https://a.example/anything", true},
	} {
		r := httpRule{}
		var err error
		r.target, err = readTarget(c.rule)
		require.NoError(t, err)
		to, err := readTarget(c.url)
		require.NoError(t, err)
		require.Equal(t, c.covered, r.covers(to), "%s %s", c.rule, c.url)
	}
}
