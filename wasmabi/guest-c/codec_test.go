// Package guestc_test checks the SDK for C against the vectors of the ABI and
// against the host's own decoder.
package guestc_test

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/wasmabi"
)

// codec is testdata/vectors.c at work, one line in and one line out.
type codec struct {
	in  io.Writer
	out *bufio.Reader
}

// newCodec compiles and starts the codec.
func newCodec(tb testing.TB) *codec {
	tb.Helper()
	cmd := exec.Command(compile(tb, "vectors.c"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(tb, err)
	out, err := cmd.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, cmd.Start())
	tb.Cleanup(func() {
		require.NoError(tb, in.Close())
		require.NoError(tb, cmd.Wait(), "the sanitizers found something, or the codec left memory behind")
	})
	return &codec{in: in, out: bufio.NewReaderSize(out, 1<<20)}
}

// decode returns the fields and what they are encoded to; refused tells that
// the message was not accepted.
func (c *codec) decode(tb testing.TB, message, hex string) (fields []string, canonical string, refused bool) {
	tb.Helper()
	_, err := fmt.Fprintf(c.in, "%s %s\n", message, hex)
	require.NoError(tb, err)
	line, err := c.out.ReadString('\n')
	require.NoError(tb, err)
	line = strings.TrimSuffix(line, "\n")
	if line == "refused" {
		return nil, "", true
	}
	fields = strings.Split(line, " ")
	last := len(fields) - 1
	return fields[:last], fields[last], false
}

// compile makes a program of a file in testdata, with the sanitizers.
func compile(tb testing.TB, file string) string {
	tb.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		if os.Getenv("REQUIRE_TOOLCHAINS") == "1" {
			tb.Fatal(err)
		}
		tb.Skipf("SKIPPED, the SDK for C cannot be compiled: %v (set REQUIRE_TOOLCHAINS=1 to fail instead)", err)
	}
	for _, source := range []string{"credence.h", "testdata/" + file} {
		_, err := os.Stat(source) // what go test sees us look at, it does not answer for from its cache
		require.NoError(tb, err)
	}
	program := filepath.Join(tb.TempDir(), "program")
	text, err := exec.Command(gcc, "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1",
		"-fsanitize=address,undefined", "-fno-sanitize-recover", "-o", program, "testdata/"+file).CombinedOutput()
	require.NoError(tb, err, string(text))
	return program
}

func TestTheFunctionsDoWhatTheySay(t *testing.T) {
	text, err := exec.Command(compile(t, "host.c")).CombinedOutput()
	require.NoError(t, err, string(text))
}

type vectors struct {
	Valid []struct {
		Name, Message, Hex, Canonical string
		Fields                        map[string]any
	}
	Invalid []struct{ Name, Message, Hex, Why string }
}

func readVectors(tb testing.TB) vectors {
	tb.Helper()
	text, err := os.ReadFile("../testdata/vectors.json")
	require.NoError(tb, err)
	var v vectors
	require.NoError(tb, json.Unmarshal(text, &v))
	require.NotEmpty(tb, v.Valid)
	require.NotEmpty(tb, v.Invalid)
	return v
}

func TestEveryVectorOfTheABIIsReadWrittenBackOrRefused(t *testing.T) {
	c, v := newCodec(t), readVectors(t)
	for _, valid := range v.Valid {
		fields, canonical, refused := c.decode(t, valid.Message, valid.Hex)
		require.False(t, refused, valid.Name)
		require.ElementsMatch(t, flatten(t, "", valid.Fields), fields, valid.Name)
		if valid.Canonical == "" {
			valid.Canonical = valid.Hex
		}
		require.Equal(t, valid.Canonical, canonical, valid.Name)
	}
	for _, invalid := range v.Invalid {
		_, _, refused := c.decode(t, invalid.Message, invalid.Hex)
		require.True(t, refused, "%s: %s", invalid.Name, invalid.Why)
	}
}

// inBase64 are the fields that hold bytes; those of the others are texts.
var inBase64 = []string{"body", "challenge", "proof", "entries.key", "entries.value"}

// flatten turns the fields of a vector into the lines of the codec.
func flatten(t *testing.T, path string, value any) []string {
	t.Helper()
	var lines []string
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			lines = append(lines, flatten(t, strings.TrimPrefix(path+"."+name, "."), member)...)
		}
	case []any:
		for i, member := range v {
			lines = append(lines, flatten(t, fmt.Sprintf("%s.%d", path, i), member)...)
		}
	case float64:
		lines = append(lines, fmt.Sprintf("%s=%.0f", path, v))
	case string:
		lines = append(lines, path+"="+written(t, path, v))
	default:
		t.Fatalf("%s holds %T", path, value)
	}
	return lines
}

func written(t *testing.T, path, value string) string {
	t.Helper()
	name := path[strings.LastIndex(path, ".")+1:]
	if list, _, found := strings.Cut(path, "."); found && list == "entries" {
		name = "entries." + name
	}
	switch {
	case name == "expiresUnix":
		return value
	case name == "status":
		for s := wasmabi.Unspecified; s.Valid(); s++ {
			if s.String() == value {
				return fmt.Sprint(int(s))
			}
		}
		t.Fatalf("%s is no status", value)
	case slices.Contains(inBase64, name):
		raw, err := base64.StdEncoding.DecodeString(value)
		require.NoError(t, err)
		return hex.EncodeToString(raw)
	}
	return hex.EncodeToString([]byte(value))
}

type message interface {
	Append(dst []byte) []byte
	Decode(src []byte) error
}

var blank = map[string]func() message{
	"Credentials":        func() message { return new(wasmabi.Credentials) },
	"ProvideRequest":     func() message { return new(wasmabi.ProvideRequest) },
	"LookupRequest":      func() message { return new(wasmabi.LookupRequest) },
	"VerifyProofRequest": func() message { return new(wasmabi.VerifyProofRequest) },
	"KvPage":             func() message { return new(wasmabi.KvPage) },
	"HttpRequest":        func() message { return new(wasmabi.HTTPRequest) },
	"HttpResponse":       func() message { return new(wasmabi.HTTPResponse) },
}

// FuzzTheCodecAgreesWithTheHosts gives both the same bytes: they accept the
// same, and write the same for it.
func FuzzTheCodecAgreesWithTheHosts(f *testing.F) {
	v := readVectors(f)
	for _, valid := range v.Valid {
		f.Add(valid.Message, unhex(f, valid.Hex))
	}
	for _, invalid := range v.Invalid {
		f.Add(invalid.Message, unhex(f, invalid.Hex))
	}
	c := newCodec(f)
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		if blank[name] == nil || len(raw) > wasmabi.MaxInputBytes {
			return
		}
		m := blank[name]()
		err := m.Decode(raw)
		_, canonical, refused := c.decode(t, name, hex.EncodeToString(raw))
		require.Equal(t, err != nil, refused, "%v", err)
		if err == nil {
			require.Equal(t, hex.EncodeToString(m.Append(nil)), canonical)
		}
	})
}

func unhex(tb testing.TB, text string) []byte {
	tb.Helper()
	raw, err := hex.DecodeString(text)
	require.NoError(tb, err)
	return raw
}
