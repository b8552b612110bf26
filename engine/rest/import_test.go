package rest

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
)

func (s *site) importLines(app, body string) []importLine {
	s.t.Helper()
	a := s.do("POST", app+"/credentials/import", body, with("Content-Type", "application/x-ndjson"))
	require.Equal(s.t, 200, a.status, a.text)
	require.Equal(s.t, "application/x-ndjson", a.header.Get("Content-Type"))
	var lines []importLine
	for text := range strings.Lines(a.text) {
		var line importLine
		require.NoError(s.t, json.Unmarshal([]byte(text), &line))
		lines = append(lines, line)
	}
	return lines
}

func TestAnImportAnswersEachLine(t *testing.T) {
	s := start(t)
	app := s.app("Internal")
	body := `{"body":"AAAA","labels":{"site":"A"}}
{"id":"own","body":"AAEC"}

not JSON
{"id":"own","body":"AAED"}
{"body":"AAAA","colour":"red"}
{}
`
	lines := s.importLines(app, body)
	require.Len(t, lines, 6)
	for i, want := range []struct {
		line         int
		result, code string
		words        string
	}{
		{1, "CREATED", "", ""},
		{2, "CREATED", "", ""},
		{4, "FAILED", "invalid", "not valid JSON"},
		{5, "FAILED", "conflict", "other credentials"},
		{6, "FAILED", "invalid", "/colour"},
		{7, "FAILED", "invalid", "empty"},
	} {
		require.Equal(t, want.line, lines[i].Line)
		require.Equal(t, want.result, lines[i].Result, "%+v", lines[i])
		require.Equal(t, want.code, lines[i].Code)
		require.Contains(t, lines[i].Detail, want.words)
	}
	require.Equal(t, "own", string(lines[1].ID))
	require.Positive(t, lines[1].ResourceVersion)
	require.Equal(t, 200, s.do("GET", app+"/credentials/"+string(lines[0].ID), "").status)
	again := s.importLines(app, body)
	require.Equal(t, "UNCHANGED", again[0].Result)
	require.Equal(t, "UNCHANGED", again[1].Result)
}

func TestAnImportIsRefusedAsAWhole(t *testing.T) {
	s := start(t)
	app := s.app("Internal") + "/credentials/import"
	lines := with("Content-Type", "application/x-ndjson")
	refused(t, s.do("POST", app, `{"body":"AAAA"}`), 415, "invalid", "", "application/x-ndjson")
	refused(t, s.do("POST", app, "\n \n", lines), 400, "invalid", "", "empty")
	refused(t, s.do("POST", app, strings.Repeat("{}\n", 10_001), lines), 413, "invalid", "", "10000")
	refused(t, s.do("POST", "/v1/applications/none/credentials/import", `{"body":"AAAA"}`, lines), 404, "not_found", "", "application")
	require.Equal(t, 401, s.do("POST", app, `{"body":"AAAA"}`, lines, anonymous).status)
}

// More than an ordinary body may hold fits into an import.
func TestAnImportMayBeLarge(t *testing.T) {
	s := start(t)
	line := `{"body":"` + strings.Repeat("QUFB", 4096) + `","id":"`
	var body strings.Builder
	for i := range 40 {
		body.WriteString(line + string(rune('a'+i)) + "\"}\n")
	}
	require.Greater(t, body.Len(), 512<<10)
	for _, l := range s.importLines(s.app("Internal"), body.String()) {
		require.Equal(t, "CREATED", l.Result, "%+v", l)
	}
}
