package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSessionsFromTheCommandLine(t *testing.T) {
	s := newSite(t, withVault(t))
	s.must(t, "app", "create", "plant")
	open := func(credentials, endpoint string) (id, token string) {
		out := s.must(t, "verify", "--app", "plant", credentials, "--endpoint", endpoint, "--session", "1h")
		return line(t, out, "session"), line(t, out, "token")
	}
	introspect := func(token string) result {
		return credence(t, s.env(), token+"\n", "session", "introspect", "--app", "plant")
	}
	first, token := open("x", "ep")
	_, second := open("x", "ep")
	_, others := open("y", "ep-y")
	require.NotContains(t, s.must(t, "verify", "--app", "plant", "x", "--endpoint", "ep"), "token")

	active := introspect(token)
	require.Equal(t, exitDone, active.code, active.stderr)
	require.Equal(t, "active", line(t, active.stdout, "state"))
	require.Equal(t, "ep", line(t, active.stdout, "endpoint"))
	require.NotContains(t, active.stdout, token)
	require.Equal(t, first, line(t, s.must(t, "session", "get", "--app", "plant", first), "session"))
	require.Len(t, s.get(t, "session", "list", "--app", "plant")["items"], 3)
	require.Len(t, s.get(t, "session", "list", "--app", "plant", "--credentials", "x")["items"], 2)
	list := s.must(t, "session", "list", "--app", "plant", "--endpoint", "ep-y")
	require.Equal(t, 2, strings.Count(list, "\n"), list)

	require.NotEmpty(t, line(t, s.must(t, "session", "end", "--app", "plant", first), "enforcement"))
	s.refused(t, "not_found", "session", "end", "--app", "plant", first)
	ended := introspect(token)
	require.Equal(t, exitFailed, ended.code)
	require.Equal(t, "SESSION_ENDED", line(t, ended.stdout, "reason"))
	require.Empty(t, ended.stderr, "the answer has said it")
	require.Equal(t, exitDone, introspect(second).code)
	require.Equal(t, "ENFORCED", line(t, s.must(t, "endpoint", "end-sessions", "--app", "plant", "ep", "--wait", "enforced"), "enforcement"))
	require.Equal(t, exitFailed, introspect(second).code)
	require.Equal(t, exitDone, introspect(others).code)
	fromFile := s.run(t, "session", "introspect", "--app", "plant", "--token-file", file(t, "token", others))
	require.Equal(t, exitDone, fromFile.code, fromFile.stderr)

	for _, wrong := range []string{"1500ms", "0s", "-1h", "soon"} {
		require.Equal(t, exitUsage, s.run(t, "verify", "--app", "plant", "x", "--session", wrong).code, wrong)
	}
	s.refused(t, "invalid", "verify", "--app", "plant", "x", "--session", "48h")
}
