package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// offered are the words that a shell would offer at the end of the line: of
// those that the program names, the ones that go on what was begun.
func offered(t *testing.T, env []string, args ...string) []string {
	t.Helper()
	r := credence(t, env, "", append([]string{"__complete"}, args...)...)
	require.Equal(t, exitDone, r.code, r.stderr)
	var words []string
	for row := range strings.Lines(r.stdout) {
		word, _, _ := strings.Cut(strings.TrimSpace(row), "\t")
		if !strings.HasPrefix(word, ":") && strings.HasPrefix(word, args[len(args)-1]) {
			words = append(words, word)
		}
	}
	return words
}

func TestShellsCompleteNamesOfTheServer(t *testing.T) {
	s := newSite(t, withModules(t), withVault(t))
	s.must(t, "service", "deploy", "custom", "--module", line(t, s.must(t, "module", "upload", packed(t)), "digest"))
	s.must(t, "secret", "set", "erp-token", "--from-file", file(t, "value", "x"))
	s.must(t, "app", "create", "plant")
	s.must(t, "app", "create", "line-7")
	digest := s.get(t, "service", "get", "custom")["module"]
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"applications":            {[]string{"app", "get", ""}, []string{"line-7", "plant"}},
		"applications, begun":     {[]string{"app", "delete", "pl"}, []string{"plant"}},
		"nothing after the first": {[]string{"app", "get", "plant", ""}, nil},
		"--app":                   {[]string{"verify", "--app", ""}, []string{"line-7", "plant"}},
		"services":                {[]string{"service", "rollback", ""}, []string{"Internal", "Trustful", "custom"}},
		"--service":               {[]string{"app", "create", "x", "--service", "T"}, []string{"Trustful"}},
		"--module":                {[]string{"service", "deploy", "x", "--module", ""}, []string{digest.(string)}},
		"modules":                 {[]string{"module", "get", ""}, []string{digest.(string)}},
		"secrets":                 {[]string{"secret", "delete", ""}, []string{"erp-token"}},
		"--proof-policy":          {[]string{"app", "update", "plant", "--proof-policy", "r"}, []string{"required"}},
		"--status":                {[]string{"credentials", "list", "--status", "R"}, []string{"REVOKED"}},
		"--id-scheme":             {[]string{"app", "create", "x", "--id-scheme", "k"}, []string{"kaa-sha1"}},
		"--output":                {[]string{"app", "list", "-o", ""}, []string{"table", "json", "yaml"}},
		"no reading of files":     {[]string{"app", "create", "x", "--service-config", "@/does/not/exist", "--service", "I"}, []string{"Internal"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.ElementsMatch(t, c.want, offered(t, s.env(), c.args...))
		})
	}
}

func TestCompletionIsSilentWithoutServerOrLogin(t *testing.T) {
	require.Empty(t, offered(t, nil, "app", "get", ""))
	require.Empty(t, offered(t, []string{serverVariable + "=http://127.0.0.1:1", passwordVariable + "=x"}, "app", "get", ""))
}

func TestCompletionScriptsExistForAllShells(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		r := credence(t, nil, "", "completion", shell)
		require.Equal(t, exitDone, r.code, r.stderr)
		require.Contains(t, r.stdout, "credence")
	}
}
