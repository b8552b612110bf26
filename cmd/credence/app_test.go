package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAppCreateTakesDefaultsFromTheServer(t *testing.T) {
	s := newSite(t)
	table := s.must(t, "app", "create", "plant")
	require.Equal(t, "plant", line(t, table, "name"))
	require.Equal(t, "Trustful", line(t, table, "credentials service"))
	require.Equal(t, "sha256", line(t, table, "id scheme"))
	require.NotContains(t, table, "service config", "what is not there is not shown")
}

func TestAppCreatePassesAllItsFlags(t *testing.T) {
	s := newCustomSite(t)
	path := file(t, "config.json", `{"a": "<b>"}`)
	app := s.get(t, "app", "create", "plant", "--service", "custom", "--id-scheme", "kaa-sha1", "--service-config", "@"+path)
	require.Equal(t, "custom", app["credentialsService"])
	require.Equal(t, "kaa-sha1", app["idScheme"])
	require.Equal(t, map[string]any{"a": "<b>"}, app["serviceConfig"])
}

func TestAppCreateReadsTheStandardInput(t *testing.T) {
	s := newCustomSite(t)
	r := credence(t, s.env(), `{"from": "stdin"}`, "app", "create", "plant", "--service", "custom", "--service-config", "@-")
	require.Equal(t, exitDone, r.code, r.stderr)
	require.JSONEq(t, `{"from":"stdin"}`, line(t, r.stdout, "service config"))
}

func TestAppCreateIsRefused(t *testing.T) {
	s := newSite(t)
	s.must(t, "app", "create", "plant")
	require.Contains(t, s.refused(t, "conflict", "app", "create", "plant"), "exists already")
	require.Contains(t, s.refused(t, "invalid", "app", "create", "other", "--service", "Nobody"), "Internal, Trustful")
	require.Contains(t, s.refused(t, "invalid", "app", "create", "other", "--service-config", "[]"), "/serviceConfig")
}

func TestAppIsFoundByIDAndByName(t *testing.T) {
	s := newSite(t)
	id := s.get(t, "app", "create", "plant")["id"].(string)
	s.must(t, "app", "create", "other")
	require.Equal(t, id, s.get(t, "app", "get", "plant")["id"])
	require.Equal(t, "plant", s.get(t, "app", "get", id)["name"])
	require.Contains(t, s.refused(t, "not_found", "app", "get", "00000000-0000-4000-8000-000000000000"), "no application")

	r := s.run(t, "app", "get", "nobody")
	require.Equal(t, exitFailed, r.code)
	require.Equal(t, "credence: there is no application named \"nobody\": see those that exist with credence app list (not_found)\n", r.stderr)
}

func TestAppNamesMayHoldAnything(t *testing.T) {
	s := newSite(t)
	for _, name := range []string{"a b", "a/b?c=d&e#f", "größe 漢字", "100%", "+"} {
		s.must(t, "app", "create", name)
		require.Equal(t, name, s.get(t, "app", "get", name)["name"])
	}
}

func TestAppUpdateChangesOnlyWhatIsNamed(t *testing.T) {
	s := newCustomSite(t)
	s.must(t, "app", "create", "plant", "--service", "custom", "--service-config", `{"a":1}`)
	app := s.get(t, "app", "update", "plant", "--name", "works")
	require.Equal(t, "custom", app["credentialsService"])
	require.Equal(t, map[string]any{"a": 1.0}, app["serviceConfig"])
	app = s.get(t, "app", "update", "works", "--name", "factory", "--service", "Internal", "--service-config", "null")
	require.Equal(t, "factory", app["name"])
	require.Equal(t, "Internal", app["credentialsService"])
	require.Nil(t, app["serviceConfig"])
	s.refused(t, "invalid", "app", "update", "factory", "--service", "Nobody")
}

func TestAppDeleteSaysWhatItDid(t *testing.T) {
	s := newSite(t)
	s.must(t, "app", "create", "plant")
	require.Equal(t, "deleted application plant with its credentials and registrations\n", s.must(t, "app", "delete", "plant"))
	require.Equal(t, exitFailed, s.run(t, "app", "delete", "plant").code)

	s.must(t, "app", "create", "plant")
	r := s.run(t, "app", "delete", "plant", "-o", "json")
	require.Equal(t, exitDone, r.code)
	require.Empty(t, r.stdout, "a program finds only JSON on the standard output")
	require.Contains(t, r.stderr, "deleted application plant")
}

func TestAppListHasAllForms(t *testing.T) {
	s := newCustomSite(t)
	require.Equal(t, "{\n  \"items\": []\n}\n", s.must(t, "app", "list", "-o", "json")) //nolint:testifylint // the form matters
	s.must(t, "app", "create", "plant", "--service", "Internal")
	s.must(t, "app", "create", "a rather long name", "--service", "custom", "--service-config", `{"big": 12345678901234567890, "s": "007"}`)

	lines := strings.Split(strings.TrimSpace(s.must(t, "app", "list")), "\n")
	require.Len(t, lines, 3)
	column := strings.Index(lines[0], "SERVICE")
	for _, row := range lines[1:] {
		require.Regexp(t, `^(Internal|custom) `, row[column:], "the columns are aligned")
	}

	yaml := s.must(t, "app", "list", "-o", "yaml")
	require.Contains(t, yaml, "big: 12345678901234567890\n")
	require.Contains(t, yaml, "s: \"007\"\n")
	require.Contains(t, yaml, "name: plant\n")

	var listed struct{ Items []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "app", "list", "-o", "json", "--limit", "1")), &listed))
	require.Len(t, listed.Items, 1)
}
