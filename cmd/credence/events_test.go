package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEventsAreShownLineByLine(t *testing.T) {
	s := newSite(t)
	app := s.get(t, "app", "create", "plant", "--service", "Internal")["id"].(string)
	s.must(t, "app", "create", "other")
	s.must(t, "credentials", "provision", "--app", "plant", "--id", "a\nb", "--body", "aGVsbG8=")
	s.must(t, "credentials", "revoke", "--app", "plant", "a\nb")
	lines := strings.Split(s.must(t, "events", "--app", "plant", "--after", "1", "--limit", "4"), "\n")
	require.Len(t, lines, 5)
	for i, want := range []string{
		" applications.created application=" + app + " by=admin",
		` credentials.provisioned application=` + app + ` credentials=a\nb by=admin`,
		` credentials.revoked application=` + app + ` credentials=a\nb by=admin`,
		` sessions.ended application=` + app + ` credentials=a\nb cause=CREDENTIALS_REVOKED by=admin`,
	} {
		require.True(t, strings.HasSuffix(lines[i], want), lines[i])
	}

	var event map[string]any
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "events", "--after", "1", "--limit", "1", "--type", "sessions.ended,credentials.claimed", "-o", "json")), &event))
	require.Equal(t, "sessions.ended", event["type"])
	require.Contains(t, s.must(t, "events", "--after", "1", "--limit", "1", "--type", "credentials.revoked", "-o", "yaml"), "---\ntype: credentials.revoked\n")
}

func TestEventsThatCannotComeAreRefused(t *testing.T) {
	s := newSite(t)
	require.Contains(t, s.refused(t, "invalid", "events", "--type", "nonsense"), "sessions.ended")
	require.Contains(t, s.refused(t, "invalid", "events", "--after", "x"), "Last-Event-ID")
	s.refused(t, "not_found", "events", "--app", "00000000-0000-4000-8000-000000000000")
}

func TestAuditShowsWhoDidWhat(t *testing.T) {
	s := newSite(t)
	s.must(t, "app", "create", "plant", "--service", "Internal")
	s.must(t, "credentials", "provision", "--app", "plant", "--id", "a", "--body", "aGVsbG8=")
	s.must(t, "credentials", "provision", "--app", "plant", "--id", "b", "--body", "aGVsbG8=")
	table := s.must(t, "audit", "--app", "plant", "--action", "credentials.provision", "--by", "admin")
	require.Regexp(t, `(?s)^AT .*\n\S+ +admin +credentials.provision +a .*\n\S+ +admin +credentials.provision +b .*\n$`, table)
	require.Len(t, s.get(t, "audit", "--since", "1h", "--limit", "1")["items"], 1)
	require.Empty(t, s.get(t, "audit", "--by", "nobody")["items"])
	require.Equal(t, exitUsage, s.run(t, "audit", "--since", "-1h").code)
}
