package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/cmd/credence/client"
)

// importFile is a file with so many lines, and then more.
func importFile(t *testing.T, lines int, more string) string {
	t.Helper()
	var b strings.Builder
	for n := 1; n <= lines; n++ {
		fmt.Fprintf(&b, "{\"id\":\"d-%d\",\"body\":\"AAAA\",\"labels\":{\"n\":\"%d\"}}\n", n, n)
	}
	return file(t, "devices.ndjson", b.String()+more)
}

func TestAnImportRegistersAFile(t *testing.T) {
	s := newPlant(t)
	path := importFile(t, 2500, "\n\nno JSON\n{\"id\":\"last\",\"body\":\"AAAA\"}")
	r := credence(t, s.env(), "", "credentials", "import", "--app", "plant", path)
	require.Equal(t, exitFailed, r.code)
	require.Equal(t, "2501", line(t, r.stdout, "created"))
	require.Equal(t, "1", line(t, r.stdout, "failed"))
	require.Contains(t, r.stderr, "line 2503: the body is not valid JSON")
	require.Equal(t, "AVAILABLE", s.get(t, "credentials", "get", "--app", "plant", "last")["status"])

	again := s.get(t, "credentials", "import", "--app", "plant", "--from-line", "2400", importFile(t, 2500, ""))
	require.InDelta(t, 101, again["unchanged"], 0)
	require.InDelta(t, 0, again["created"], 0)
}

func TestAnImportTakesTheStandardInput(t *testing.T) {
	s := newPlant(t)
	r := credence(t, s.env(), `{"body":"AAAA"}`, "credentials", "import", "--app", "plant", "-")
	require.Equal(t, exitDone, r.code, r.stderr)
	require.Equal(t, "1", line(t, r.stdout, "created"))
}

func TestAnImportIsRefusedBeforeItBegins(t *testing.T) {
	s := newPlant(t)
	for _, args := range [][]string{
		{"--app", "plant", "/none/file"},
		{"--app", "none", importFile(t, 1, "")},
		{"--app", "plant", "--parallel", "0", importFile(t, 1, "")},
		{"--app", "plant", "--from-line", "0", importFile(t, 1, "")},
	} {
		r := credence(t, s.env(), "", append([]string{"credentials", "import"}, args...)...)
		require.NotEqual(t, exitDone, r.code)
		require.Empty(t, r.stdout)
	}
}

// A server that is away for a moment is asked again; one that stays away ends
// the import with the line to go on from.
func TestAnImportOutlivesAShortOutageAndSaysWhereALongOneEndedIt(t *testing.T) {
	for name, test := range map[string]struct {
		fails int64 // of the requests after the first
		err   error
		want  string
	}{
		"a moment":  {2, &client.Error{Status: 503, Code: "unavailable"}, ""},
		"a refusal": {1 << 60, &client.Error{Status: 403, Code: "denied", Detail: "not you"}, "--from-line 1001"},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int64
			run := importRun{
				w: &world{stderr: io.Discard}, parallel: 1, from: 1,
				send: func(_ context.Context, lines client.Lines) ([]client.ImportedLine, error) {
					if n := calls.Add(1); n > 1 && n <= test.fails+1 {
						return nil, test.err
					}
					return make([]client.ImportedLine, strings.Count(string(lines), "\n")), nil
				},
			}
			err := run.do(t.Context(), importFile(t, 3000, ""))
			require.Error(t, err)
			if test.want != "" {
				require.ErrorContains(t, err, test.want)
				require.ErrorIs(t, err, test.err)
				return
			}
			require.ErrorContains(t, err, "3000 lines were refused", "the scripted answers say nothing else")
		})
	}
}
