package output

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T, f Format, document string, rows Rows) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Write(&out, f, json.RawMessage(document), rows))
	return out.String()
}

func TestTableListsWithAHeader(t *testing.T) {
	rows := Rows{Header: []string{"NAME", "KIND"}}
	rows.Add("a", "builtin")
	rows.Add("a longer one", "")
	require.Equal(t, "NAME           KIND\na              builtin\na longer one   -\n", write(t, Table, "", rows))
}

func TestTableOfFieldsLeavesOutWhatIsEmpty(t *testing.T) {
	var rows Rows
	rows.Add("name", "größe")
	rows.Add("nothing", "")
	rows.Add("id scheme", "sha256")
	require.Equal(t, "name        größe\nid scheme   sha256\n", write(t, Table, "", rows))
}

func TestTableEscapesWhatDoesNotPrint(t *testing.T) {
	for text, want := range map[string]string{
		"plain, größe, 漢字 \"'\\": "plain, größe, 漢字 \"'\\",
		"a\tb\nc":                `a\tb\nc`,
		"\x1b[2J\"red\"":         `\x1b[2J"red"`,
		"right\u202eleft":        `right\u202eleft`,
		"bad\xff":                `bad\xff`,
	} {
		require.Equal(t, want, Clean(text))
	}
}

func TestJSONIsTheServersOwnIndented(t *testing.T) {
	require.Equal(t, "{\n  \"b\": 12345678901234567890,\n  \"a\": \"<x>\"\n}\n", write(t, JSON, `{"b":12345678901234567890,"a":"<x>"}`, Rows{})) //nolint:testifylint // the form matters
}

func TestYAMLKeepsOrderNumbersAndText(t *testing.T) {
	const document = `{"b":12345678901234567890,"a":[1.50,true,null,"",[],{}],"texts":["007","yes","null","a: b","- x","1e3","2026-01-01","line\nbreak","\ud83d\ude00","\u007f"]}`
	const want = `b: 12345678901234567890
a:
  - 1.50
  - true
  - null
  - ""
  - []
  - {}
texts:
  - "007"
  - "yes"
  - "null"
  - 'a: b'
  - '- x'
  - "1e3"
  - "2026-01-01"
  - |-
    line
    break
  - "\U0001F600"
  - "\x7F"
`
	require.Equal(t, want, write(t, YAML, document, Rows{}))
}

func TestAnswersThatAreNoJSONAreErrors(t *testing.T) {
	for _, f := range []Format{JSON, YAML} {
		for _, document := range []string{"", "{", `{"a":`, "nope"} {
			require.Error(t, Write(&bytes.Buffer{}, f, json.RawMessage(document), Rows{}), "%s %q", f, document)
		}
	}
}

func TestFormatTakesOnlyItsNames(t *testing.T) {
	for _, name := range Formats() {
		var f Format
		require.NoError(t, f.Set(name))
		require.Equal(t, name, f.String())
	}
	f := Table
	require.ErrorContains(t, f.Set("JSON"), "table, json, yaml")
	require.Equal(t, Table, f, "a refused name changes nothing")
}

func FuzzYAMLSaysTheSameAsJSON(f *testing.F) {
	f.Add(`{"a":[1,2.5,true,null,"x"]}`)
	f.Add(`"\u001b\u2028\ufeff"`)
	f.Fuzz(func(t *testing.T, text string) {
		encoded, err := json.Marshal(map[string]any{"v": []any{text, map[string]any{text: text}}})
		require.NoError(t, err)
		var want, got map[string]any
		require.NoError(t, json.Unmarshal(encoded, &want))
		var out bytes.Buffer
		require.NoError(t, Write(&out, YAML, encoded, Rows{}))
		require.NoError(t, yaml.Unmarshal(out.Bytes(), &got), out.String())
		require.Equal(t, want, got)
	})
}

func FuzzCleanLeavesNothingThatDoesNotPrint(f *testing.F) {
	f.Add("a\x1b[31m")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range Clean(text) {
			require.True(t, unicode.IsPrint(r), "%q", text)
		}
	})
}
