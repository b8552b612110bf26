package wasmabi_test

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/wasmabi"
)

// generate builds the golden vectors. Valid messages come from the values
// below, and their bytes from the encoder; the bytes of the others are written
// by hand, field by field, so that the encoder is not its own judge.
func generate(t *testing.T) vectors {
	t.Helper()
	v := vectors{About: "Messages of cred_v1. A decoder reads each valid one to the fields given (bytes in Base64, 64-bit numbers as strings, " +
		"defaults left out), and an encoder writes those fields as hex, or as canonical where that is given. A strict decoder refuses each invalid one. " +
		"Written by go generate."}
	for _, c := range encoded {
		v.Valid = append(v.Valid, validVector{
			Name: c.name, Message: nameOf(t, c.message), Fields: fieldsOf(t, c.message), Hex: hex.EncodeToString(c.message.Append(nil)),
		})
	}
	for _, c := range accepted {
		m := blank[c.message]()
		raw := unhex(t, c.hex)
		require.NoError(t, m.Decode(raw), c.name)
		v.Valid = append(v.Valid, validVector{
			Name: c.name, Message: c.message, Fields: fieldsOf(t, m), Hex: hex.EncodeToString(raw), Canonical: hex.EncodeToString(m.Append(nil)),
		})
	}
	for _, c := range refused {
		raw := unhex(t, c.hex)
		err := blank[c.message]().Decode(raw)
		require.Error(t, err, c.name)
		v.Invalid = append(v.Invalid, invalidVector{Name: c.name, Message: c.message, Hex: hex.EncodeToString(raw), Why: err.Error()})
	}
	return v
}

var encoded = []struct {
	name    string
	message message
}{
	{"credentials with an id only", &wasmabi.Credentials{ID: "a"}},
	{"credentials with every field", &wasmabi.Credentials{ID: "SN-001000", Body: []byte{0, 1, 0xff}, Status: wasmabi.InUse, ExpiresUnix: 1893456000}},
	{"credentials that are revoked", &wasmabi.Credentials{ID: "+/=", Status: wasmabi.Revoked}},
	{"credentials with the largest number", &wasmabi.Credentials{ID: "x", ExpiresUnix: math.MaxUint64}},
	{"credentials with an id of two, three and four byte characters", &wasmabi.Credentials{ID: "é€😀"}},
	{"credentials with an id of 256 bytes", &wasmabi.Credentials{ID: strings.Repeat("i", 256)}},
	{"credentials with a body of 128 bytes", &wasmabi.Credentials{ID: "b", Body: make([]byte, 128)}},
	{"provide request", &wasmabi.ProvideRequest{ApplicationID: "app", Credentials: wasmabi.Credentials{ID: "id", Body: []byte("key"), Status: wasmabi.Available}, RequestID: "r-1"}},
	{"provide request without a request id", &wasmabi.ProvideRequest{ApplicationID: "app", Credentials: wasmabi.Credentials{ID: "id"}}},
	{"lookup request", &wasmabi.LookupRequest{ApplicationID: "0b8f8d7e-58c5-4b43-9f0e-0f7c6fcb3a11", CredentialsID: "SN-001000", RequestID: "r-2"}},
	{"lookup request without a request id", &wasmabi.LookupRequest{ApplicationID: "app", CredentialsID: "id"}},
	{"mark in use request", &wasmabi.MarkInUseRequest{ApplicationID: "app", CredentialsID: "id", RequestID: "r-3"}},
	{"mark revoked request", &wasmabi.MarkRevokedRequest{ApplicationID: "app", CredentialsID: "id", RequestID: "r-4"}},
	{"verify proof request", &wasmabi.VerifyProofRequest{
		ApplicationID: "app", Credentials: wasmabi.Credentials{ID: "id", Body: []byte("hash"), Status: wasmabi.Available},
		ProofType: "shared-secret", Challenge: []byte{1, 2}, Proof: []byte{3, 4, 5}, RequestID: "r-5",
	}},
	{"page without entries", &wasmabi.KvPage{}},
	{"http request with a method and a URL", &wasmabi.HTTPRequest{Method: "GET", URL: "https://erp.example.com/devices/SN-001000"}},
	{"http request with every field", &wasmabi.HTTPRequest{
		Method: "POST", URL: "https://erp.example.com/devices/?site=a%2Fb",
		Headers: []wasmabi.Header{
			{Name: "content-type", Value: "application/json"}, {Name: "authorization", Value: "Bearer ", Secret: "erp-token"}, {Name: "x-empty"},
		},
		Body: []byte(`{}`), TimeoutMs: 100,
	}},
	{"http request with the longest timeout", &wasmabi.HTTPRequest{Method: "GET", URL: "https://a/", TimeoutMs: math.MaxUint32}},
	{"http request with 32 headers", &wasmabi.HTTPRequest{Method: "GET", URL: "https://a/", Headers: repeatHeader(32)}},
	{"http request with the longest URL and header value", &wasmabi.HTTPRequest{
		Method: "GET", URL: "https://a/" + strings.Repeat("p", 2038), Headers: []wasmabi.Header{{Name: "x", Value: strings.Repeat("v", 4096)}},
	}},
	{"http response with a status only", &wasmabi.HTTPResponse{Status: 204}},
	{"http response with every field", &wasmabi.HTTPResponse{
		Status: 200, Headers: []wasmabi.Header{{Name: "content-type", Value: "text/plain"}, {Name: "set-cookie", Value: "a=1"}, {Name: "set-cookie", Value: "b=2"}},
		Body: []byte{0, 1, 0xff},
	}},
	{"http response with 64 headers", &wasmabi.HTTPResponse{Status: 404, Headers: repeatHeader(64)}},
	{"page with entries", &wasmabi.KvPage{Entries: []wasmabi.KvEntry{{Key: []byte("a"), Value: []byte("1")}, {Key: []byte{0xff, 0x00}}}}},
}

type handWritten struct{ name, message, hex string }

var accepted = []handWritten{
	{"fields in another order", "Credentials", "18 01  12 01 62  0a 01 61"},
	{"defaults written out", "Credentials", "0a 01 61  12 00  18 00  20 00"},
	{"an empty request id written out", "LookupRequest", "0a 01 61  12 01 69  1a 00"},
	{"an empty value written out", "KvPage", "0a 05  0a 01 6b  12 00"},
	{"an http request in another order, its headers apart", "HttpRequest", "1a 03 0a 01 61  28 05  12 01 75  1a 03 0a 01 62  0a 01 47"},
	{"an http request with defaults written out", "HttpRequest", "0a 01 47  12 01 75  1a 07 0a 01 61 12 00 1a 00  22 00  28 00"},
	{"an http response with an empty body written out", "HttpResponse", "08 64  1a 00"},
}

// long is a length-delimited field: its tag, its length and its content.
func long(tag byte, n int, fill byte) string {
	raw := []byte{tag}
	for v := n; ; v >>= 7 {
		if v < 0x80 {
			raw = append(raw, byte(v))
			break
		}
		raw = append(raw, byte(v)|0x80)
	}
	return hex.EncodeToString(raw) + strings.Repeat(hex.EncodeToString([]byte{fill}), n)
}

var refused = []handWritten{
	{"nothing at all", "Credentials", ""},
	{"no id", "Credentials", "12 01 62"},
	{"an empty id", "Credentials", "0a 00"},
	{"the id twice", "Credentials", "0a 01 61  0a 01 61"},
	{"the status twice", "Credentials", "0a 01 61  18 01  18 01"},
	{"a number where bytes belong", "Credentials", "08 01"},
	{"bytes where a number belongs", "Credentials", "0a 01 61  1a 01 01"},
	{"a fixed 64-bit number", "Credentials", "0a 01 61  21 00 00 00 00 00 00 00 00"},
	{"a fixed 32-bit number", "Credentials", "0a 01 61  1d 01 00 00 00"},
	{"a group", "Credentials", "0b 0c"},
	{"an unknown field", "Credentials", "0a 01 61  28 01"},
	{"field number 0", "Credentials", "02 01 61"},
	{"a field number of two bytes", "Credentials", "82 01 01 61"},
	{"a tag that is not in its shortest form", "Credentials", "8a 00 01 61"},
	{"a length that is not in its shortest form", "Credentials", "0a 81 00 61"},
	{"a number that is not in its shortest form", "Credentials", "0a 01 61  20 80 00"},
	{"a number of 65 bits", "Credentials", "0a 01 61  20 ff ff ff ff ff ff ff ff ff 02"},
	{"a number of 11 bytes", "Credentials", "0a 01 61  20 ff ff ff ff ff ff ff ff ff ff 01"},
	{"an unknown status", "Credentials", "0a 01 61  18 04"},
	{"a status of 2^32", "Credentials", "0a 01 61  18 80 80 80 80 10"},
	{"an id of 257 bytes", "Credentials", long(0x0a, 257, 'i')},
	{"an id that is not UTF-8", "Credentials", "0a 02 c3 28"},
	{"an id with half a surrogate pair", "Credentials", "0a 03 ed a0 80"},
	{"an id that ends early", "Credentials", "0a 05 61"},
	{"a length beyond 2^63", "Credentials", "12 ff ff ff ff ff ff ff ff ff 01"},
	{"a tag and no value", "Credentials", "0a 01 61  18"},
	{"a tag that ends early", "Credentials", "0a 01 61  80"},
	{"a trailing zero byte", "Credentials", "0a 01 61  00"},
	{"no application", "LookupRequest", "12 01 69"},
	{"no credentials id", "LookupRequest", "0a 01 61"},
	{"an unknown field in a mark in use request", "MarkInUseRequest", "0a 01 61  12 01 69  20 01"},
	{"an unknown field in a mark revoked request", "MarkRevokedRequest", "0a 01 61  12 01 69  20 01"},
	{"no credentials to provide", "ProvideRequest", "0a 01 61"},
	{"empty credentials to provide", "ProvideRequest", "0a 01 61  12 00"},
	{"credentials with a fault inside", "ProvideRequest", "0a 01 61  12 04  0a 01 69 28"},
	{"credentials that reach beyond the message", "ProvideRequest", "0a 01 61  12 7f  0a 01 69"},
	{"credentials twice", "ProvideRequest", "0a 01 61  12 03 0a 01 69  12 03 0a 01 69"},
	{"a proof without its type", "VerifyProofRequest", "0a 01 61  12 03 0a 01 69  2a 01 70"},
	{"an entry without a key", "KvPage", "0a 03  12 01 76"},
	{"an entry with a key of 257 bytes", "KvPage", "0a 84 02" + long(0x0a, 257, 'k')},
	{"an entry with its key twice", "KvPage", "0a 06  0a 01 6b  0a 01 6b"},
	{"a page with an unknown field", "KvPage", "12 00"},
	{"an http request without a method", "HttpRequest", "12 01 75"},
	{"an http request with an empty URL", "HttpRequest", "0a 01 47  12 00"},
	{"an http request with its URL twice", "HttpRequest", "0a 01 47  12 01 75  12 01 75"},
	{"an http request with a URL of 2049 bytes", "HttpRequest", "0a 01 47" + long(0x12, 2049, 'u')},
	{"an http request with a URL that is not UTF-8", "HttpRequest", "0a 01 47  12 01 ff"},
	{"an http request with 33 headers", "HttpRequest", "0a 01 47  12 01 75" + strings.Repeat("1a 03 0a 01 61", 33)},
	{"an http request with a header without a name", "HttpRequest", "0a 01 47  12 01 75  1a 03 12 01 76"},
	{"an http request with an empty header", "HttpRequest", "0a 01 47  12 01 75  1a 00"},
	{"an http request with a header value of 4097 bytes", "HttpRequest", "0a 01 47  12 01 75  1a 87 20 0a 01 61" + long(0x12, 4097, 'v')},
	{"an http request with a header name of 257 bytes", "HttpRequest", "0a 01 47  12 01 75  1a 84 02" + long(0x0a, 257, 'n')},
	{"an http request with an unknown field in a header", "HttpRequest", "0a 01 47  12 01 75  1a 05 0a 01 61 20 01"},
	{"an http request with a timeout of 33 bits", "HttpRequest", "0a 01 47  12 01 75  28 80 80 80 80 10"},
	{"an http request with an unknown field", "HttpRequest", "0a 01 47  12 01 75  30 01"},
	{"nothing at all in place of an http response", "HttpResponse", ""},
	{"an http response with status 0", "HttpResponse", "08 00"},
	{"an http response with a status of 33 bits", "HttpResponse", "08 80 80 80 80 10"},
	{"an http response with 65 headers", "HttpResponse", "08 c8 01" + strings.Repeat("12 03 0a 01 61", 65)},
	{"an http response with its body twice", "HttpResponse", "08 c8 01  1a 01 61  1a 01 61"},
	{"an http response with a header that reaches beyond it", "HttpResponse", "08 c8 01  12 05 0a 01 61"},
}

func nameOf(t *testing.T, m message) string {
	t.Helper()
	switch m.(type) {
	case *wasmabi.Credentials:
		return "Credentials"
	case *wasmabi.ProvideRequest:
		return "ProvideRequest"
	case *wasmabi.LookupRequest:
		return "LookupRequest"
	case *wasmabi.MarkInUseRequest:
		return "MarkInUseRequest"
	case *wasmabi.MarkRevokedRequest:
		return "MarkRevokedRequest"
	case *wasmabi.VerifyProofRequest:
		return "VerifyProofRequest"
	case *wasmabi.KvPage:
		return "KvPage"
	case *wasmabi.HTTPRequest:
		return "HttpRequest"
	case *wasmabi.HTTPResponse:
		return "HttpResponse"
	}
	t.Fatalf("%T has no name", m)
	return ""
}

// credentialsJSON and the types below are the fields of messages as the
// vectors show them.
type credentialsJSON struct {
	ID          string `json:"id"`
	Body        []byte `json:"body,omitempty"`
	Status      string `json:"status,omitempty"`
	ExpiresUnix string `json:"expiresUnix,omitempty"`
}

type requestJSON struct {
	ApplicationID string           `json:"applicationId"`
	CredentialsID string           `json:"credentialsId,omitempty"`
	Credentials   *credentialsJSON `json:"credentials,omitempty"`
	ProofType     string           `json:"proofType,omitempty"`
	Challenge     []byte           `json:"challenge,omitempty"`
	Proof         []byte           `json:"proof,omitempty"`
	RequestID     string           `json:"requestId,omitempty"`
}

type entryJSON struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value,omitempty"`
}

type headerJSON struct {
	Name   string `json:"name"`
	Value  string `json:"value,omitempty"`
	Secret string `json:"secret,omitempty"`
}

type httpJSON struct {
	Status    uint32       `json:"status,omitempty"`
	Method    string       `json:"method,omitempty"`
	URL       string       `json:"url,omitempty"`
	Headers   []headerJSON `json:"headers,omitempty"`
	Body      []byte       `json:"body,omitempty"`
	TimeoutMs uint32       `json:"timeoutMs,omitempty"`
}

func headerFieldsOf(headers []wasmabi.Header) []headerJSON {
	fields := make([]headerJSON, len(headers))
	for i, h := range headers {
		fields[i] = headerJSON(h)
	}
	return fields
}

func repeatHeader(n int) []wasmabi.Header {
	headers := make([]wasmabi.Header, n)
	for i := range headers {
		headers[i] = wasmabi.Header{Name: "x-" + strconv.Itoa(i), Value: "v"}
	}
	return headers
}

func credentialsFieldsOf(c *wasmabi.Credentials) *credentialsJSON {
	j := &credentialsJSON{ID: c.ID, Body: c.Body}
	if c.Status != wasmabi.Unspecified {
		j.Status = c.Status.String()
	}
	if c.ExpiresUnix != 0 {
		j.ExpiresUnix = strconv.FormatUint(c.ExpiresUnix, 10)
	}
	return j
}

func fieldsOf(t *testing.T, m message) json.RawMessage {
	t.Helper()
	var fields any
	switch m := m.(type) {
	case *wasmabi.Credentials:
		fields = credentialsFieldsOf(m)
	case *wasmabi.LookupRequest:
		fields = requestJSON{ApplicationID: m.ApplicationID, CredentialsID: m.CredentialsID, RequestID: m.RequestID}
	case *wasmabi.MarkInUseRequest:
		return fieldsOf(t, (*wasmabi.LookupRequest)(m))
	case *wasmabi.MarkRevokedRequest:
		return fieldsOf(t, (*wasmabi.LookupRequest)(m))
	case *wasmabi.ProvideRequest:
		fields = requestJSON{ApplicationID: m.ApplicationID, Credentials: credentialsFieldsOf(&m.Credentials), RequestID: m.RequestID}
	case *wasmabi.VerifyProofRequest:
		fields = requestJSON{
			ApplicationID: m.ApplicationID, Credentials: credentialsFieldsOf(&m.Credentials),
			ProofType: m.ProofType, Challenge: m.Challenge, Proof: m.Proof, RequestID: m.RequestID,
		}
	case *wasmabi.KvPage:
		entries := make([]entryJSON, len(m.Entries))
		for i, e := range m.Entries {
			entries[i] = entryJSON(e)
		}
		fields = map[string][]entryJSON{"entries": entries}
	case *wasmabi.HTTPRequest:
		fields = httpJSON{Method: m.Method, URL: m.URL, Headers: headerFieldsOf(m.Headers), Body: m.Body, TimeoutMs: m.TimeoutMs}
	case *wasmabi.HTTPResponse:
		fields = httpJSON{Status: m.Status, Headers: headerFieldsOf(m.Headers), Body: m.Body}
	}
	raw, err := json.Marshal(fields)
	require.NoError(t, err)
	return raw
}
