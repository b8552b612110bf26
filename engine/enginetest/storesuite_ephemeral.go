package enginetest

import (
	"io"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

func ephemeral(key, value string) engine.Write {
	return engine.Write{Key: key, Value: []byte(value), Ephemeral: true}
}

// other opens a second store, and returns with it what writes there and what
// closes it.
func (s *storeTest) other() (store *storeTest, end func()) {
	s.Helper()
	another := s.open()
	closer, ok := another.(io.Closer)
	require.True(s, ok, "a store needs a Close to end its ephemeral records")
	return &storeTest{T: s.T, Store: another, open: s.open, ctx: s.ctx}, func() { require.NoError(s, closer.Close()) }
}

// goes waits until a key is absent.
func (s *storeTest) goes(key string) {
	s.Helper()
	require.Eventually(s, func() bool { return !s.read(engine.Strict, key).Records[0].Exists() },
		patience, 5*time.Millisecond, "%s is still there", key)
}

func ephemeralRecord(s *storeTest) {
	other, _ := s.other()
	first := other.commit(engine.Commit{
		Checks: []engine.Check{{Key: "e"}},
		Writes: []engine.Write{ephemeral("e", "1"), {Key: "marker"}}, Marker: "marker",
	})
	record := s.read(engine.Strict, "e").Records[0]
	require.Equal(s, engine.Record{Key: "e", Value: []byte("1"), Version: first, Writes: 1, Ephemeral: true}, record)
	require.Equal(s, []string{"e"}, keysOf(s.list(engine.ListRequest{Prefixes: []string{"e"}, Limit: 2}).Records))
	_, err := s.Commit(s.ctx, engine.Commit{Checks: []engine.Check{{Key: "e"}}, Writes: []engine.Write{ephemeral("e", "x")}})
	require.ErrorIs(s, err, engine.ErrConflict)
	second := other.commit(engine.Commit{
		Checks: []engine.Check{{Key: "e", Version: first}}, Writes: []engine.Write{ephemeral("e", "2")},
	})
	require.Equal(s, second, s.read(engine.Strict, "e").Records[0].Version)
	s.delete("e")
	require.Empty(s, s.value("e"), "anybody may delete it")
}

func ephemeralClosed(s *storeTest) {
	other, end := s.other()
	from := other.commit(engine.Commit{Writes: []engine.Write{ephemeral("e/1", "1"), {Key: "e/2", Value: []byte("2")}, ephemeral("e/3", "3")}})
	s.commit(engine.Commit{Writes: []engine.Write{ephemeral("e/mine", "mine")}})
	end()
	gone := map[string]bool{}
	for changes, err := range s.Watch(s.ctx, "e/", from+1) {
		require.NoError(s, err)
		for _, event := range changes.Events {
			require.True(s, event.Deleted, "%v", event)
			gone[event.Key] = true
		}
		if len(gone) == 2 {
			break
		}
	}
	require.Equal(s, map[string]bool{"e/1": true, "e/3": true}, gone)
	require.Equal(s, []string{"e/2", "e/mine"}, keysOf(s.list(engine.ListRequest{Prefixes: []string{"e/"}, Limit: 9}).Records))
}

func ephemeralOwner(s *storeTest) {
	one, endOne := s.other()
	two, endTwo := s.other()
	one.commit(engine.Commit{Writes: []engine.Write{
		ephemeral("stays ephemeral", ""), ephemeral("made permanent", ""), ephemeral("made permanent by another", ""),
		ephemeral("taken over", ""), ephemeral("made anew", ""),
		{Key: "made ephemeral"},
	}})
	one.put("made permanent", "v")
	two.put("made permanent by another", "v")
	two.commit(engine.Commit{Writes: []engine.Write{ephemeral("taken over", "v")}})
	one.delete("made anew")
	one.put("made anew", "v")
	one.commit(engine.Commit{Writes: []engine.Write{ephemeral("made ephemeral", "v")}})
	endOne()
	s.goes("stays ephemeral")
	s.goes("made ephemeral")
	for _, key := range []string{"made permanent", "made permanent by another", "taken over", "made anew"} {
		require.Equal(s, "v", s.value(key), key)
	}
	endTwo()
	s.goes("taken over")
	require.Equal(s, "v", s.value("made permanent by another"))
}

func ephemeralExpired(s *storeTest) {
	other, _ := s.other()
	leasing, ok := other.Store.(interface{ Expire() })
	if !ok {
		s.Skip("the store offers no Expire")
	}
	for range 3 {
		other.commit(engine.Commit{Writes: []engine.Write{ephemeral("e", "v"), {Key: "k", Value: []byte("v")}}})
		require.Equal(s, "v", s.value("e"))
		leasing.Expire()
		s.goes("e")
		require.Equal(s, "v", s.value("k"))
	}
}

func ephemeralHeld(s *storeTest) {
	other, end := s.other()
	require.Zero(s, other.Held())
	other.put("k", "v")
	require.Zero(s, other.Held(), "nothing is ephemeral")
	for range 2 {
		before := time.Now()
		other.commit(engine.Commit{Writes: []engine.Write{ephemeral("e", "v")}})
		require.Greater(s, other.Held(), before)
		if leasing, ok := other.Store.(interface{ Expire() }); ok {
			leasing.Expire()
			s.goes("e")
		}
	}
	require.Zero(s, s.Held(), "it is another store's")
	end()
	require.Zero(s, other.Held())
}
