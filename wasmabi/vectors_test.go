package wasmabi_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/wasmabi"
)

//go:generate go test -run ^TestVectorsAreUpToDate$ -update .

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

const vectorsFile = "testdata/vectors.json"

// message is what every message of the ABI offers.
type message interface {
	Append(dst []byte) []byte
	Decode(src []byte) error
}

// blank makes an empty message of each kind, by its name in credentials.proto.
var blank = map[string]func() message{
	"Credentials":        func() message { return new(wasmabi.Credentials) },
	"ProvideRequest":     func() message { return new(wasmabi.ProvideRequest) },
	"LookupRequest":      func() message { return new(wasmabi.LookupRequest) },
	"MarkInUseRequest":   func() message { return new(wasmabi.MarkInUseRequest) },
	"MarkRevokedRequest": func() message { return new(wasmabi.MarkRevokedRequest) },
	"VerifyProofRequest": func() message { return new(wasmabi.VerifyProofRequest) },
	"KvPage":             func() message { return new(wasmabi.KvPage) },
	"HttpRequest":        func() message { return new(wasmabi.HTTPRequest) },
	"HttpResponse":       func() message { return new(wasmabi.HTTPResponse) },
}

// vectors is the form of testdata/vectors.json.
type vectors struct {
	About   string          `json:"about"`
	Valid   []validVector   `json:"valid"`
	Invalid []invalidVector `json:"invalid"`
}

type validVector struct {
	Name    string `json:"name"`
	Message string `json:"message"`
	// Fields holds what a decoder finds: bytes in standard Base64, numbers of 64
	// bits as strings, defaults left out.
	Fields json.RawMessage `json:"fields"`
	Hex    string          `json:"hex"`
	// Canonical is what an encoder writes, where Hex is something else that a
	// decoder has to accept.
	Canonical string `json:"canonical,omitempty"`
}

type invalidVector struct {
	Name    string `json:"name"`
	Message string `json:"message"`
	Hex     string `json:"hex"`
	Why     string `json:"why"`
}

func readVectors(tb testing.TB) vectors {
	tb.Helper()
	raw, err := os.ReadFile(vectorsFile)
	require.NoError(tb, err)
	var v vectors
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	require.NoError(tb, dec.Decode(&v))
	return v
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(tb, err)
	return raw
}

func TestVectorsAreUpToDate(t *testing.T) {
	want, err := json.MarshalIndent(generate(t), "", "  ")
	require.NoError(t, err)
	want = append(want, '\n')
	if *update {
		require.NoError(t, os.WriteFile(vectorsFile, want, 0o644))
	}
	got, err := os.ReadFile(vectorsFile)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "run go generate ./wasmabi")
}

func TestValidVectorsAreReadAndWrittenBack(t *testing.T) {
	for _, v := range readVectors(t).Valid {
		t.Run(v.Name, func(t *testing.T) {
			m := blank[v.Message]()
			require.NoError(t, m.Decode(unhex(t, v.Hex)))
			require.JSONEq(t, string(v.Fields), string(fieldsOf(t, m)))
			canonical := v.Canonical
			if canonical == "" {
				canonical = v.Hex
			}
			require.Equal(t, canonical, hex.EncodeToString(m.Append(nil)))
		})
	}
}

func TestInvalidVectorsAreRefusedWithMessageFieldAndOffset(t *testing.T) {
	for _, v := range readVectors(t).Invalid {
		t.Run(v.Name, func(t *testing.T) {
			err := blank[v.Message]().Decode(unhex(t, v.Hex))
			require.EqualError(t, err, v.Why)
			var de *wasmabi.DecodeError
			require.ErrorAs(t, err, &de)
			require.LessOrEqual(t, de.Offset, len(unhex(t, v.Hex)))
		})
	}
}
