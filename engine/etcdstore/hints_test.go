package etcdstore

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func TestHintsKnowWhatWasReadOrWrittenAfterTheFirstGuess(t *testing.T) {
	h := newHints()
	value := func() string { return string(h.guess([]string{"k"})[0].Value) }
	h.learn([]engine.Record{{Key: "k", Value: []byte("early"), Version: 3}}, 3)
	require.Empty(t, value(), "nobody had guessed it yet")
	h.learn([]engine.Record{{Key: "k", Value: []byte("read"), Version: 5}}, 7)
	require.Equal(t, "read", value())
	h.wrote([]engine.Write{{Key: "k", Value: []byte("written")}}, 9)
	require.Equal(t, "written", value())
	h.learn([]engine.Record{{Key: "k", Value: []byte("read"), Version: 5}}, 8)
	require.Equal(t, "written", value(), "an older state replaced a newer one")
	h.wrote([]engine.Write{{Key: "k", Delete: true}}, 10)
	require.Empty(t, value())
}

func TestHintsAreBounded(t *testing.T) {
	h := newHints()
	for n := range 2 * maxHints {
		h.guess([]string{fmt.Sprint(n)})
	}
	require.Equal(t, maxHints, h.recent.Len())
	large := engine.Record{Key: "large", Value: make([]byte, maxHintBytes+1), Version: 1}
	h.guess([]string{"large"})
	h.learn([]engine.Record{large}, 1)
	require.False(t, h.guess([]string{"large"})[0].Exists())
}
