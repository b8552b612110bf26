package guesttest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/wasmabi/guest"
	"github.com/credence-engine/credence/wasmabi/guest/guesttest"
)

// stub answers with what a test gives it.
type stub struct {
	answer guest.Credentials
	mark   func(c *guest.Call, id string) error
}

func (s *stub) Lookup(*guest.Call, string) (guest.Credentials, error) { return s.answer, nil }
func (s *stub) Provide(*guest.Call, guest.Credentials) (guest.Credentials, error) {
	return s.answer, nil
}
func (s *stub) MarkInUse(c *guest.Call, id string) error { return s.mark(c, id) }
func (s *stub) Configure([]byte) error                   { return nil }

func TestAnswersThatTheEngineWouldRejectAreErrors(t *testing.T) {
	for name, c := range map[string]struct {
		answer  guest.Credentials
		lookup  string
		provide string
	}{
		"another id":        {guest.Credentials{ID: "other", Status: guest.Available}, "the answer is for other, and id was asked for", "the answer is for other"},
		"no id":             {guest.Credentials{Status: guest.Available}, "missing or empty", "missing or empty"},
		"no status":         {guest.Credentials{ID: "id"}, "the answer has no status", "the answer has no status"},
		"a body over 64KiB": {guest.Credentials{ID: "id", Status: guest.Available, Body: make([]byte, 65<<10)}, "Credentials.body", "Credentials.body"},
		"another body":      {guest.Credentials{ID: "id", Status: guest.Available, Body: []byte("x")}, "-", "another body"},
		"another status":    {guest.Credentials{ID: "id", Status: guest.InUse, Body: []byte("b")}, "-", "must be AVAILABLE, not IN_USE"},
	} {
		t.Run(name, func(t *testing.T) {
			i := guesttest.New(t, &stub{answer: c.answer})
			_, err := i.Lookup("id")
			if c.lookup == "-" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.lookup)
			}
			_, err = i.Provide(guest.Credentials{ID: "id", Body: []byte("b")})
			require.ErrorContains(t, err, c.provide)
		})
	}
}

func TestWhatARefusedOperationWroteIsDropped(t *testing.T) {
	var refusal error
	i := guesttest.New(t, &stub{mark: func(c *guest.Call, id string) error {
		require.NoError(t, c.KV().Put(id, []byte("1")))
		return refusal
	}})
	require.NoError(t, i.MarkInUse("kept"))
	refusal = guest.Refuse("no")
	require.Error(t, i.MarkInUse("dropped"))
	require.Equal(t, map[string]string{"kept": "1"}, i.State())
}

func TestAConflictRunsTheOperationAgainFromTheCommittedState(t *testing.T) {
	runs := 0
	i := guesttest.New(t, &stub{mark: func(c *guest.Call, id string) error {
		runs++
		value, _, err := c.KV().Get(id)
		require.NoError(t, err)
		return c.KV().Put(id, append(value, '+'))
	}})
	i.Conflict()
	require.NoError(t, i.MarkInUse("id"))
	require.Equal(t, 2, runs)
	require.Equal(t, "+", i.State()["id"])
	require.NoError(t, i.MarkInUse("id"))
	require.Equal(t, 3, runs, "a conflict is for one operation")
}

func TestLongRecordsAreCutAndManyAreDropped(t *testing.T) {
	i := guesttest.New(t, &stub{mark: func(c *guest.Call, _ string) error {
		for range 100 {
			c.Log().Info(strings.Repeat("x", 2000))
		}
		return nil
	}})
	require.NoError(t, i.MarkInUse("id"))
	require.Len(t, i.Log(), 64)
	require.Len(t, i.Log()[0].Text, 1024)
}

func TestAConfigurationHasToBeJSON(t *testing.T) {
	require.ErrorContains(t, guesttest.New(t, &stub{}).Configure("{"), "not valid JSON")
}
