package wasmabi_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/wasmabi"
)

func TestDecodeForgetsWhatTheReusedMessageHeld(t *testing.T) {
	full := &wasmabi.VerifyProofRequest{
		ApplicationID: "app", Credentials: wasmabi.Credentials{ID: "id", Body: []byte("b"), Status: wasmabi.InUse, ExpiresUnix: 7},
		ProofType: "p", Challenge: []byte("c"), Proof: []byte("d"), RequestID: "r",
	}
	short := &wasmabi.VerifyProofRequest{ApplicationID: "app", Credentials: wasmabi.Credentials{ID: "id"}, ProofType: "p"}
	require.NoError(t, full.Decode(short.Append(nil)))
	require.Equal(t, short, full)

	page := &wasmabi.KvPage{Entries: []wasmabi.KvEntry{{Key: []byte("k"), Value: []byte("v")}}}
	require.NoError(t, page.Decode(nil))
	require.Empty(t, page.Entries)

	request := &wasmabi.HTTPRequest{Method: "POST", URL: "u", Headers: repeatHeader(2), Body: []byte("b"), TimeoutMs: 1}
	require.NoError(t, request.Decode((&wasmabi.HTTPRequest{Method: "GET", URL: "u"}).Append(nil)))
	require.Equal(t, &wasmabi.HTTPRequest{Method: "GET", URL: "u", Headers: []wasmabi.Header{}}, request)
	response := &wasmabi.HTTPResponse{Status: 200, Headers: repeatHeader(2), Body: []byte("b")}
	require.NoError(t, response.Decode((&wasmabi.HTTPResponse{Status: 204}).Append(nil)))
	require.Equal(t, &wasmabi.HTTPResponse{Status: 204, Headers: []wasmabi.Header{}}, response)
}

func TestDecodedFieldsAliasTheInputExceptForTheIDOfAnAnswer(t *testing.T) {
	overwrite := func(raw []byte) {
		for i := range raw {
			raw[i] = '!'
		}
	}
	answer := (&wasmabi.Credentials{ID: "id", Body: []byte("body")}).Append(nil)
	var c wasmabi.Credentials
	require.NoError(t, c.Decode(answer))
	overwrite(answer)
	require.Equal(t, "id", c.ID)
	require.Equal(t, "!!!!", string(c.Body))
	require.Equal(t, len(c.Body), cap(c.Body), "appending to a body must not write into the message")

	request := (&wasmabi.ProvideRequest{ApplicationID: "app", Credentials: wasmabi.Credentials{ID: "id"}, RequestID: "r"}).Append(nil)
	var r wasmabi.ProvideRequest
	require.NoError(t, r.Decode(request))
	overwrite(request)
	require.Equal(t, wasmabi.ProvideRequest{ApplicationID: "!!!", Credentials: wasmabi.Credentials{ID: "!!"}, RequestID: "!"}, r)
}

func TestTheLongestHTTPMessagesKeepTheirLimits(t *testing.T) {
	headers := make([]wasmabi.Header, wasmabi.MaxResponseHeaders)
	for i := range headers { // 16 KiB of names and values, as the host lets through
		headers[i] = wasmabi.Header{Name: strings.Repeat("n", 56), Value: strings.Repeat("v", 200)}
	}
	response := wasmabi.HTTPResponse{Status: 599, Headers: headers, Body: make([]byte, wasmabi.MaxBodyBytes)}
	require.LessOrEqual(t, len(response.Append(nil)), wasmabi.MaxHTTPResponseBytes)
}

func TestAlgorithmsHaveTheNumbersOfTheSpecification(t *testing.T) {
	for h, size := range map[wasmabi.Hash]int{-1: 0, 0: 0, 1: 32, 2: 48, 3: 64, 4: 20, 5: 0} {
		require.Equal(t, size, h.Size(), h)
		of, ok := wasmabi.HMAC(h).HMAC()
		require.Equal(t, size > 0, ok, h)
		require.Equal(t, h, of)
	}
	require.EqualValues(t, 17, wasmabi.HMAC(wasmabi.HashSHA256))
	for _, s := range []wasmabi.Signature{wasmabi.SignEd25519, wasmabi.SignP256, wasmabi.SignRSA} {
		_, ok := s.HMAC()
		require.False(t, ok)
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	got := (&wasmabi.Credentials{ID: "a"}).Append([]byte("head"))
	require.Equal(t, "head\x0a\x01a", string(got))
}

func TestSizesOfEntriesAddUpToThePage(t *testing.T) {
	page := &wasmabi.KvPage{Entries: []wasmabi.KvEntry{
		{Key: []byte("k")},
		{Key: bytes.Repeat([]byte("k"), 256), Value: bytes.Repeat([]byte("v"), 64<<10)},
		{Key: bytes.Repeat([]byte("k"), 123), Value: []byte("v")},
		{Key: bytes.Repeat([]byte("k"), 124), Value: []byte("v")},
	}}
	sum := 0
	for i := range page.Entries {
		sum += page.Entries[i].Size()
	}
	require.Equal(t, len(page.Append(nil)), sum)
}

func TestBytesFieldsAreCappedAt64KiB(t *testing.T) {
	body := make([]byte, wasmabi.MaxBodyBytes+1)
	key := []byte("k")
	for name, m := range map[string]message{
		"Credentials.body":             &wasmabi.Credentials{ID: "a", Body: body},
		"VerifyProofRequest.challenge": &wasmabi.VerifyProofRequest{ApplicationID: "a", Credentials: wasmabi.Credentials{ID: "a"}, ProofType: "p", Challenge: body},
		"VerifyProofRequest.proof":     &wasmabi.VerifyProofRequest{ApplicationID: "a", Credentials: wasmabi.Credentials{ID: "a"}, ProofType: "p", Proof: body},
		"HttpRequest.body":             &wasmabi.HTTPRequest{Method: "GET", URL: "u", Body: body},
		"HttpResponse.body":            &wasmabi.HTTPResponse{Status: 200, Body: body},
		"KvEntry.value":                &wasmabi.KvPage{Entries: []wasmabi.KvEntry{{Key: key, Value: body}}},
	} {
		t.Run(name, func(t *testing.T) {
			kind, _, _ := strings.Cut(name, ".")
			if kind == "KvEntry" {
				kind = "KvPage"
			}
			err := blank[kind]().Decode(m.Append(nil))
			require.ErrorContains(t, err, name)
			require.ErrorContains(t, err, "65537 bytes, where at most 65536 are allowed")
		})
	}
	var m wasmabi.Credentials
	require.NoError(t, m.Decode((&wasmabi.Credentials{ID: "a", Body: body[1:]}).Append(nil)))
}

func TestCodecDoesNotAllocateWhenReused(t *testing.T) {
	for _, c := range encoded {
		raw := c.message.Append(nil)
		m := blank[nameOf(t, c.message)]()
		buf := make([]byte, 0, len(raw))
		require.NoError(t, m.Decode(raw))
		require.Zero(t, testing.AllocsPerRun(100, func() { _ = m.Decode(raw) }), "decoding %s", c.name)
		require.Zero(t, testing.AllocsPerRun(100, func() { buf = m.Append(buf[:0]) }), "encoding %s", c.name)
	}
}

// FuzzDecode checks, for every message, that decoding never panics, and that
// what is accepted is written back as something that means the same.
func FuzzDecode(f *testing.F) {
	v := readVectors(f)
	for _, c := range v.Valid {
		f.Add(unhex(f, c.Hex))
	}
	for _, c := range v.Invalid {
		f.Add(unhex(f, c.Hex))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for name, fresh := range blank {
			first, second := fresh(), fresh()
			if first.Decode(raw) != nil {
				continue
			}
			canonical := first.Append(nil)
			require.LessOrEqual(t, len(canonical), len(raw), "%s: the canonical form is the shortest", name)
			require.NoError(t, second.Decode(canonical), name)
			require.Equal(t, fieldsOf(t, first), fieldsOf(t, second), name)
			require.Equal(t, canonical, second.Append(nil), name)
		}
	})
}

func BenchmarkCodec(b *testing.B) {
	body := make([]byte, 280)
	for name, m := range map[string]message{
		"LookupRequest": &wasmabi.LookupRequest{ApplicationID: "0b8f8d7e-58c5-4b43-9f0e-0f7c6fcb3a11", CredentialsID: "SN-001000", RequestID: "0193e2c4-6b1f-7c50"},
		"Credentials":   &wasmabi.Credentials{ID: "SN-001000", Body: body, Status: wasmabi.Available, ExpiresUnix: 1893456000},
	} {
		raw := m.Append(nil)
		b.Run("append/"+name, func(b *testing.B) {
			b.ReportAllocs()
			buf := make([]byte, 0, len(raw))
			for b.Loop() {
				buf = m.Append(buf[:0])
			}
		})
		b.Run("decode/"+name, func(b *testing.B) {
			b.ReportAllocs()
			into := blank[name]()
			for b.Loop() {
				if err := into.Decode(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
