package rest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func TestARestoreIsToldAndAcknowledged(t *testing.T) {
	s := start(t)
	first := s.do("GET", "/v1/generation", "")
	require.Equal(t, 200, first.status, first.text)
	require.JSONEq(t, `{"number":0,"acknowledged":true}`, first.text)

	operator := engine.Caller{Tenant: engine.DefaultTenant, User: "operator"}
	backup, err := s.engine.NoteBackup(t.Context(), operator, "1.2.3")
	require.NoError(t, err)
	s.app("Internal")
	g, err := s.engine.RaiseGeneration(t.Context(), operator, time.Time{}, backup.Version)
	require.NoError(t, err)

	told := s.do("GET", "/v1/generation", "")
	require.Equal(t, 200, told.status, told.text)
	require.EqualValues(t, 1, told.json["number"])
	require.Equal(t, false, told.json["acknowledged"])
	require.Equal(t, map[string]any{"from": backup.At.Format(time.RFC3339Nano), "to": g.RestoredAt.Format(time.RFC3339Nano)}, told.json["mayBeLost"])
	require.Equal(t, []any{map[string]any{"above": float64(backup.Version), "upTo": float64(g.Version - 1)}}, told.json["lost"])
	require.Equal(t, "1.2.3", told.json["lastBackup"].(map[string]any)["release"])

	refused(t, s.do("POST", "/v1/generation/acknowledge", `{"number":2}`), 409, "conflict", "", "generation 1, not 2")
	refused(t, s.do("POST", "/v1/generation/acknowledge", `{}`), 409, "conflict", "", "not 0")
	refused(t, s.do("POST", "/v1/generation/acknowledge", `{"nummer":1}`), 400, "invalid", "/nummer", "number")
	done := s.do("POST", "/v1/generation/acknowledge", `{"number":1}`)
	require.Equal(t, 200, done.status, done.text)
	require.Equal(t, true, done.json["acknowledged"])
	require.Equal(t, "admin", done.json["acknowledgedBy"])
	require.NotEmpty(t, done.json["acknowledgedAt"])
	require.JSONEq(t, done.text, s.do("GET", "/v1/generation", "").text)
}
