package enginetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/engine"
)

// oddKeys hold every kind of character that an id may have. All are below "p/".
func oddKeys() []string {
	keys := []string{
		"p/", "p//", "p/ ", "p/+", "p/=", "p/a+b/c==", "p/a/b", "p/a", "p/a\x00", "p/a\x00b", "p/\x00",
		"p/ÿ", "p/ключ", "p/鍵", "p/🔑", "p/\xff", "p/\xff\xff", "p/\xffa", "p/\xfe\xff", "p/%2F", "p/..", "p/../x",
		"p/\n", "p/\"", "p/'", "p/A", "p/~",
	}
	slices.Sort(keys)
	return keys
}

func listOrder(s *storeTest) {
	keys := oddKeys()
	for i := range keys { // written in another order
		key := keys[(i*7)%len(keys)]
		s.put(key, "value of "+key)
	}
	for _, outside := range []string{"o", "p", "p.", "p0", "q"} {
		s.put(outside, "outside")
	}
	for _, limit := range []int{1, 2, 3, len(keys), engine.MaxListLimit} {
		got := s.walk(engine.ListRequest{Prefixes: []string{"p/"}, Limit: limit})
		require.Equal(s, keys, got, "limit %d", limit)
	}
	page := s.list(engine.ListRequest{Prefixes: []string{"p/"}, Limit: engine.MaxListLimit})
	for _, r := range page.Records {
		require.Equal(s, "value of "+r.Key, string(r.Value))
		require.Equal(s, r.Version, s.read(engine.Strict, r.Key).Records[0].Version)
	}
	for _, prefix := range []string{"p/\xff", "p/a", "p/\x00", "p/ÿ", "p/\xff\xff"} {
		var want []string
		for _, key := range keys {
			if strings.HasPrefix(key, prefix) {
				want = append(want, key)
			}
		}
		got := s.walk(engine.ListRequest{Prefixes: []string{prefix}, Limit: 2})
		require.Equal(s, want, got, "prefix %q", prefix)
	}
}

func listPages(s *storeTest) {
	keys := s.fill("k/", 250)
	for _, limit := range []int{1, 7, 249, 250, 251, engine.MaxListLimit} {
		got := s.walk(engine.ListRequest{Prefixes: []string{"k/"}, Limit: limit})
		require.Equal(s, keys, got, "limit %d", limit)
	}
	whole := s.list(engine.ListRequest{Prefixes: []string{"k/"}, Limit: 250})
	require.False(s, whole.More, "nothing follows the last key of the last prefix")
	require.True(s, s.list(engine.ListRequest{Prefixes: []string{"k/"}, Limit: 249}).More)

	for _, test := range []struct {
		after string
		want  []string
	}{
		{"", keys},
		{"a", keys},
		{keys[0], keys[1:]},
		{keys[0] + "\x00", keys[1:]},
		{keys[100], keys[101:]},
		{keys[100] + "x", keys[101:]},
		{keys[249], []string{}},
		{"l", []string{}},
	} {
		got := s.walk(engine.ListRequest{Prefixes: []string{"k/"}, After: test.after, Limit: 100})
		require.Equal(s, test.want, got, "after %q", test.after)
	}
	empty := s.list(engine.ListRequest{Prefixes: []string{"none/"}, Limit: 10})
	require.Empty(s, empty.Records)
	require.False(s, empty.More)
	require.Positive(s, empty.Revision)
}

func listManyPrefixes(s *storeTest) {
	const count = 256
	prefixes := make([]string, count)
	var want []string
	var c engine.Commit
	for i := range prefixes {
		prefixes[i] = fmt.Sprintf("s/%02x/", i)
		for n := range (i * 7) % 4 { // some prefixes hold nothing
			key := fmt.Sprintf("%s%d", prefixes[i], n)
			want = append(want, key)
			c.Writes = append(c.Writes, engine.Write{Key: key, Value: []byte("v")})
		}
		if len(c.Writes) > engine.MaxCommitWrites-4 || i == count-1 {
			s.commit(c)
			c.Writes = nil
		}
	}
	for _, limit := range []int{1, 10, 63, engine.MaxListLimit} {
		got := s.walk(engine.ListRequest{Prefixes: prefixes, Limit: limit})
		require.Equal(s, want, got, "limit %d", limit)
	}
	some := []string{prefixes[1], prefixes[2], prefixes[200], "t/", "u"}
	got := s.walk(engine.ListRequest{Prefixes: some, After: prefixes[2] + "0", Limit: 2})
	var wantSome []string
	for _, key := range want {
		if key > prefixes[2]+"0" && (strings.HasPrefix(key, prefixes[2]) || strings.HasPrefix(key, prefixes[200])) {
			wantSome = append(wantSome, key)
		}
	}
	require.Equal(s, wantSome, got)
}

func listPinned(s *storeTest) {
	keys := s.fill("k/", 60)
	first := s.list(engine.ListRequest{Prefixes: []string{"k/0", "k/1"}, Limit: 10})
	got, versions := keysOf(first.Records), map[string]engine.Record{}
	for i, r := range s.list(engine.ListRequest{Prefixes: []string{"k/"}, Limit: 100}).Records {
		require.Equal(s, keys[i], r.Key)
		versions[r.Key] = r
	}
	for page := first; page.More; {
		last := page.Records[len(page.Records)-1].Key
		s.put(last+"-inserted", "new")
		s.delete(keys[min(len(got), len(keys)-1)])
		s.put(keys[len(keys)-2], "changed")
		page = s.list(engine.ListRequest{
			Consistency: engine.AsOf(first.Revision), Prefixes: []string{"k/0", "k/1"}, After: last, Limit: 10,
		})
		require.Equal(s, first.Revision, page.Revision)
		for _, r := range page.Records {
			require.Equal(s, string(versions[r.Key].Value), string(r.Value))
			require.Equal(s, versions[r.Key].Version, r.Version)
		}
		got = append(got, keysOf(page.Records)...)
	}
	require.Equal(s, keys, got)
}

func listNeighbours(s *storeTest) {
	for _, key := range []string{"app/1/a", "app/10/a", "app/1", "app/2/a", "app0", "app"} {
		s.put(key, "v")
	}
	got := s.walk(engine.ListRequest{Prefixes: []string{"app/1/"}, Limit: 10})
	require.Equal(s, []string{"app/1/a"}, got)
	got = s.walk(engine.ListRequest{Prefixes: []string{""}, Limit: 4})
	require.Equal(s, []string{"app", "app/1", "app/1/a", "app/10/a", "app/2/a", "app0"}, got, "the empty prefix is all keys")
}

func listCompacted(s *storeTest) {
	s.fill("k/", 20)
	first := s.list(engine.ListRequest{Prefixes: []string{"k/"}, Limit: 10})
	next := engine.ListRequest{
		Consistency: engine.AsOf(first.Revision), Prefixes: []string{"k/", "l/"},
		After: first.Records[9].Key, Limit: 10,
	}
	require.Len(s, s.list(next).Records, 10)
	s.put("k/000015", "changed")
	s.compact(s.put("k/000016", "changed"))
	_, err := s.List(s.ctx, next)
	require.ErrorIs(s, err, engine.ErrCompacted)
}

func listLimits(s *storeTest) {
	for _, test := range []struct {
		r    engine.ListRequest
		says string
	}{
		{engine.ListRequest{Prefixes: []string{"a"}}, "between 1 and 1000"},
		{engine.ListRequest{Prefixes: []string{"a"}, Limit: -1}, "between 1 and 1000"},
		{engine.ListRequest{Prefixes: []string{"a"}, Limit: engine.MaxListLimit + 1}, "between 1 and 1000"},
		{engine.ListRequest{Limit: 1}, "no prefix"},
		{engine.ListRequest{Prefixes: []string{"b", "a"}, Limit: 1}, "ascending"},
		{engine.ListRequest{Prefixes: []string{"a", "a"}, Limit: 1}, "ascending"},
		{engine.ListRequest{Prefixes: []string{"a", "a/b"}, Limit: 1}, "disjoint"},
		{engine.ListRequest{Prefixes: []string{"", "a"}, Limit: 1}, "disjoint"},
		{engine.ListRequest{Prefixes: []string{strings.Repeat("k", engine.MaxKeyBytes+1)}, Limit: 1}, "1025 bytes"},
		{engine.ListRequest{Consistency: engine.AsOf(0), Prefixes: []string{"a"}, Limit: 1}, "revision 0"},
	} {
		_, err := s.List(s.ctx, test.r)
		s.refused(err, engine.CodeInvalid, test.says)
	}
}
