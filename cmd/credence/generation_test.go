package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGenerationGetAndAcknowledge(t *testing.T) {
	s := newSite(t)
	require.Equal(t, "0", line(t, s.must(t, "generation", "get"), "number"))
	_, err := s.engine.RaiseGeneration(t.Context(), operator, time.Time{}, 0)
	require.NoError(t, err)
	shown := s.must(t, "generation", "get")
	require.Equal(t, "no", line(t, shown, "acknowledged"))
	require.Contains(t, line(t, shown, "may be lost"), "between an unknown time and ")
	s.refused(t, "conflict", "generation", "acknowledge", "2")
	require.Regexp(t, ` by admin$`, line(t, s.must(t, "generation", "acknowledge", "1"), "acknowledged"))
	wrong := s.run(t, "generation", "acknowledge", "one")
	require.Equal(t, exitUsage, wrong.code)
	require.Contains(t, wrong.stderr, `"one" is no number of a generation`)
}
