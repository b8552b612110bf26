package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrongUsageEndsWith2AndSaysWhatIsRight(t *testing.T) {
	login := []string{passwordVariable + "=x", serverVariable + "=http://127.0.0.1:1"}
	const digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no command":                   {nil, "credence needs one of its commands"},
		"unknown command":              {[]string{"ap"}, `unknown command "ap"`},
		"group alone":                  {[]string{"app"}, "credence app needs one of its commands"},
		"unknown command of a group":   {[]string{"app", "creat"}, "did you mean create?"},
		"unknown flag":                 {[]string{"app", "list", "--colour"}, "unknown flag: --colour"},
		"id with a dash":               {[]string{"verify", "--app", "x", "-abc"}, "needs -- before it"},
		"argument missing":             {[]string{"app", "create"}, "credence app create takes NAME"},
		"argument too many":            {[]string{"app", "get", "a", "b"}, "there are 2 arguments"},
		"argument where there is none": {[]string{"app", "list", "a"}, `takes no argument, but there is "a"`},
		"required flag missing":        {[]string{"credentials", "get", "id"}, `"app" not set`},
		"no body":                      {[]string{"credentials", "provision", "--app", "x"}, "at least one of the flags"},
		"two bodies":                   {[]string{"credentials", "provision", "--app", "x", "--body", "AA==", "--body-file", "f"}, "none of the others can be"},
		"body is no base64":            {[]string{"credentials", "provision", "--app", "x", "--body", "???"}, "--body is no base64"},
		"label without value":          {[]string{"credentials", "provision", "--app", "x", "--body", "AA==", "--label", "site"}, "site=berlin"},
		"label twice":                  {[]string{"credentials", "provision", "--app", "x", "--body", "AA==", "--label", "a=1", "--label", "a=2"}, "--label a is given twice"},
		"bad label in a filter":        {[]string{"credentials", "list", "--app", "x", "--label", "=x"}, "site=berlin"},
		"nothing to update":            {[]string{"app", "update", "x"}, "at least one of the flags"},
		"nothing to label":             {[]string{"credentials", "label", "--app", "x", "id"}, "at least one of the flags"},
		"set and removed":              {[]string{"credentials", "label", "--app", "x", "id", "--label", "a=1", "--remove-label", "a"}, "set and removed at once"},
		"no time":                      {[]string{"credentials", "label", "--app", "x", "id", "--not-after", "tomorrow"}, "--not-after \"tomorrow\" is no time"},
		"config is no JSON":            {[]string{"app", "create", "x", "--service-config", "{"}, "--service-config is no valid JSON"},
		"profile is no JSON":           {[]string{"registration", "bind", "--app", "x", "id", "--profile-version", "1", "--profile", "{"}, "--profile is no valid JSON"},
		"profile missing":              {[]string{"registration", "bind", "--app", "x", "id", "--profile-version", "1"}, `"profile" not set`},
		"module missing":               {[]string{"service", "deploy", "x"}, `"module" not set`},
		"grants are no JSON":           {[]string{"service", "deploy", "x", "--module", digest, "--grants", "kv"}, "--grants is no valid JSON"},
		"limits are no JSON":           {[]string{"service", "deploy", "x", "--module", digest, "--limits", "1,"}, "--limits is no valid JSON"},
		"unknown output":               {[]string{"app", "list", "-o", "xml"}, "use one of table, json, yaml"},
		"no time to wait":              {[]string{"app", "list", "--timeout", "0s"}, "--timeout must be longer"},
		"a client's flag for a server": {[]string{"serve", "--timeout", "5s"}, "credence serve does not speak to a server"},
		"a client's flag for config":   {[]string{"config", "-o", "json"}, "credence config does not speak to a server"},
		"no file to restore":           {[]string{"restore"}, "credence restore takes FILE"},
		"an etcd to restore":           {[]string{"restore", "f", "--etcd-endpoints", "a:1"}, "restored by its own tools"},
		"no etcd to mark":              {[]string{"restore", "--mark"}, "--etcd-endpoints"},
		"no time of a backup":          {[]string{"restore", "f", "--backup-at", "noon"}, "--backup-at \"noon\" is no time"},
		"unknown configuration":        {[]string{"config", "--log-level", "loud"}, "log.level"},
	} {
		t.Run(name, func(t *testing.T) {
			r := credence(t, login, "", c.args...)
			require.Equal(t, exitUsage, r.code, r.stderr)
			require.Contains(t, r.stderr, c.says)
			require.Contains(t, r.stderr, "--help'.")
			require.Empty(t, r.stdout)
		})
	}
}

func TestHelpIsNoError(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"help", "app"}, {"app", "create", "--help"}, {"serve", "--help"}} {
		r := credence(t, nil, "", args...)
		require.Equal(t, exitDone, r.code)
		require.Contains(t, r.stdout, "Usage:")
		require.Empty(t, r.stderr)
	}
}

func TestHelpShowsTheServerOnlyWhereOneIsSpokenTo(t *testing.T) {
	require.Contains(t, credence(t, nil, "", "app", "create", "--help").stdout, "--server")
	require.NotContains(t, credence(t, nil, "", "config", "--help").stdout, "--server")
}

func TestPasswordIsNotShownInHelp(t *testing.T) {
	env := []string{passwordVariable + "=" + testPassword}
	require.Equal(t, exitDone, credence(t, env, "", "app", "list", "--help").code) // credence checks the output
}

func TestVersionTellsProgramAndToolchain(t *testing.T) {
	r := credence(t, nil, "", "version")
	require.Equal(t, exitDone, r.code)
	require.Regexp(t, `^credence \S+.* go1\.\d+`, r.stdout)
}
