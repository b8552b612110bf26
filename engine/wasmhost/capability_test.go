package wasmhost

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func TestCapabilitiesAreReadStrictly(t *testing.T) {
	url := `"url":"https://erp.example.com/devices/"`
	for raw, names := range map[string]string{
		`{"http":[{` + url + `}]}`:                          "",
		`{"http":[{` + url + `,"methods":["GET","POST"]}]}`: "",
		`{"http":[]}`:                                                      "",
		`{"secrets":["erp-token","A.b_c-1"]}`:                              "",
		`{"secrets":[]}`:                                                   "",
		`{"http":{}}`:                                                      `"http" must be a list`,
		`{"http":null}`:                                                    `"http" must be a list`,
		`{"http":[{}]}`:                                                    "http/0: the url",
		`{"http":[{` + url + `},{"url":"x"}]}`:                             "http/1: the url",
		`{"http":[{` + url + `,"methods":[]}]}`:                            "the methods are empty",
		`{"http":[{` + url + `,"methods":null}]}`:                          "the methods are empty",
		`{"http":[{` + url + `,"methods":["get"]}]}`:                       `"get" is not a method`,
		`{"http":[{` + url + `,"methods":["GET "]}]}`:                      `"GET " is not a method`,
		`{"http":[{` + url + `,"methods":["*"]}]}`:                         `"*" is not a method`,
		`{"http":[{` + url + `,"methods":["CONNECT"]}]}`:                   "CONNECT is not offered",
		`{"http":[{` + url + `,"methods":["TRACE"]}]}`:                     "TRACE is not offered",
		`{"http":[{` + url + `,"methods":["GET","GET"]}]}`:                 "GET is there twice",
		`{"http":[{` + url + `,"allowPrivate":1}]}`:                        `"allowPrivate"`,
		`{"http":[{` + url + `,"port":1}]}`:                                `"port" is unknown`,
		`{"http":[{` + url + `,` + url + `}]}`:                             `"url" occurs twice`,
		`{"http":[{"url":"https://erp.example.com/?a=b"}]}`:                "leave out the query",
		`{"http":[{"url":"https://*.example.com/"}]}`:                      "the host is not a name",
		`{"http":[` + strings.Repeat(`{`+url+`},`, 32) + `{` + url + `}]}`: "at most 32",
		`{"secrets":{}}`:                                                   `"secrets" must be a list`,
		`{"secrets":null}`:                                                 `"secrets" must be a list`,
		`{"secrets":[1]}`:                                                  `"secrets" must be a list`,
		`{"secrets":[""]}`:                                                 "is no name of a secret",
		`{"secrets":["a b"]}`:                                              "is no name of a secret",
		`{"secrets":["a/b"]}`:                                              "is no name of a secret",
		`{"secrets":["a","a"]}`:                                            "is there twice",
		`{"secrets":["` + strings.Repeat("a", 65) + `"]}`:                  "is no name of a secret",
		`{"secrets":[` + strings.Repeat(`"a",`, 64) + `"b"]}`:              "at most 64",
	} {
		for _, grants := range []bool{false, true} {
			c, err := readCapabilities(json.RawMessage(raw), grants)
			if names != "" {
				require.ErrorContains(t, err, names, raw)
				continue
			}
			require.NoError(t, err, raw)
			text, err := c.MarshalJSON()
			require.NoError(t, err)
			again, err := readCapabilities(text, grants)
			require.NoError(t, err)
			require.Equal(t, c, again, raw)
		}
	}
	for name, odd := range oddTargets {
		raw, err := json.Marshal(map[string]any{"http": []any{map[string]string{"url": odd}}})
		require.NoError(t, err)
		_, err = readCapabilities(raw, true)
		require.ErrorContains(t, err, "http/0: the url", name)
	}
}

func TestOnlyGrantsMayAllowPrivateAddresses(t *testing.T) {
	raw := json.RawMessage(`{"http":[{"url":"http://10.0.0.1/","allowPrivate":true}]}`)
	_, err := readCapabilities(raw, false)
	require.ErrorContains(t, err, `"allowPrivate" is unknown`)
	c, err := readCapabilities(raw, true)
	require.NoError(t, err)
	_, private := allows(c.http, "GET", c.http[0].target)
	require.True(t, private)
}

func TestMissingIsWhatIsAskedForAndNotGranted(t *testing.T) {
	const (
		get  = `{"url":"https://a.example/x/","methods":["GET"]}`
		both = `{"url":"https://a.example/x/","methods":["GET","POST"]}`
		post = `{"url":"https://a.example/x/","methods":["POST"]}`
		all  = `{"url":"https://a.example/","methods":["GET","POST"]}`
	)
	for _, c := range []struct{ asked, granted, missing string }{
		{`{}`, ``, ``},
		{`{}`, `{}`, ``},
		{`{"kv":{},"clock":{},"random":{},"crypto":{}}`, ``, ``},
		{`{"random":{},"kv":{}}`, `{"kv":{}}`, `{"random":{}}`},
		{`{"random":{},"kv":{}}`, `{}`, `{"kv":{},"random":{}}`},
		{`{"http":[` + get + `]}`, ``, `{"http":[` + get + `]}`},
		{`{"http":[` + get + `]}`, `{"http":[]}`, `{"http":[` + get + `]}`},
		{`{"http":[` + get + `]}`, `{"http":[` + all + `]}`, ``},
		{`{"http":[` + all + `]}`, `{"http":[` + both + `]}`, `{"http":[` + all + `]}`},
		{`{"http":[` + both + `]}`, `{"http":[` + get + `]}`, `{"http":[` + post + `]}`},
		{`{"http":[` + both + `]}`, `{"http":[` + get + `,` + post + `]}`, ``},
		{`{"http":[]}`, `{}`, `{"http":[]}`},
		{`{"http":[]}`, `{"http":[]}`, ``},
		{`{"secrets":["a","b"]}`, ``, `{"secrets":["a","b"]}`},
		{`{"secrets":["a","b"]}`, `{"secrets":["b"]}`, `{"secrets":["a"]}`},
		{`{"secrets":["a"],"kv":{},"http":[` + get + `]}`, `{"crypto":{}}`, `{"kv":{},"http":[` + get + `],"secrets":["a"]}`},
	} {
		missing, err := Missing([]byte(`{"abi":1,"name":"x","version":"1","capabilities":`+c.asked+`}`), []byte(c.granted))
		require.NoError(t, err)
		require.Equal(t, c.missing, string(missing), "%s %s", c.asked, c.granted)
	}
	missing, err := Missing(nil, []byte(`{}`))
	require.NoError(t, err)
	require.Nil(t, missing, "a module without a manifest asks for nothing")
	for _, c := range [][2]string{{`{`, `{}`}, {``, `{`}} {
		_, err := Missing([]byte(c[0]), []byte(c[1]))
		requireCode(t, engine.CodeInvalid, err)
	}
}
