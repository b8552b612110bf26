package client

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func collect(t *testing.T, text string) (messages []message, err error) {
	t.Helper()
	err = readEvents(strings.NewReader(text), func() {}, func(m message) error {
		messages = append(messages, m)
		return nil
	})
	return messages, err
}

func TestEventsAreReadAsTheyAreWritten(t *testing.T) {
	messages, err := collect(t, "retry: 1000\n\n: a comment\nid: 7\n\nevent: a\ndata: {\"x\":\ndata:1}\r\n\r\nid:8\nevent:b\ndata: half")
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, []message{{}, {id: "7"}, {kind: "a", data: []byte("{\"x\":\n1}")}}, messages, "what is not complete is not an event")
}

func TestAStreamSaysWhyItEnds(t *testing.T) {
	m := message{kind: "error", data: []byte(`{"code":"unavailable","detail":"shutting down"}`)}
	var refused *Error
	require.ErrorAs(t, m.hand(nil), &refused)
	require.Equal(t, "unavailable", refused.Code)
	require.ErrorContains(t, message{kind: "error", data: []byte("x")}.hand(nil), "not understood")
	require.ErrorContains(t, message{kind: "x", data: []byte("x")}.hand(nil), "this version")
	enough := errors.New("enough")
	require.ErrorIs(t, message{kind: "x", data: []byte(`{"type":"x"}`)}.hand(func(a Answer[Event]) error {
		require.Equal(t, "x", a.Value.Type)
		return enough
	}), enough)
}

func FuzzReadEvents(f *testing.F) {
	f.Add("id: 1\nevent: a\ndata: {}\n\n")
	f.Add(":\n:x\ndata\ndata:\n\n\n")
	f.Add("\xef\xbb\xbfid: 1\r\r\n\x00\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		n, alive := 0, 0
		err := readEvents(strings.NewReader(text), func() { alive++ }, func(m message) error {
			n++
			require.NotContains(t, m.id+m.kind, "\n")
			return nil
		})
		require.Error(t, err)
		require.LessOrEqual(t, n, alive)
		require.LessOrEqual(t, alive, lines)
	})
}
