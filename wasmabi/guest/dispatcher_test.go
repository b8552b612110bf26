package guest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/wasmabi"
	"github.com/credence-engine/credence/wasmabi/guest"
	"github.com/credence-engine/credence/wasmabi/guest/guesttest"
)

// lookup is a service that only looks up, by a function.
type lookup func(c *guest.Call, id string) (guest.Credentials, error)

func (f lookup) Lookup(c *guest.Call, id string) (guest.Credentials, error) { return f(c, id) }

// full is a service with every method, each of which may be replaced.
type full struct {
	lookup
	provide   func(c *guest.Call, in guest.Credentials) (guest.Credentials, error)
	mark      func(c *guest.Call, id string) error
	configure func(config []byte) error
}

func (f *full) Provide(c *guest.Call, in guest.Credentials) (guest.Credentials, error) {
	return f.provide(c, in)
}
func (f *full) MarkInUse(c *guest.Call, id string) error   { return f.mark(c, id) }
func (f *full) MarkRevoked(c *guest.Call, id string) error { return f.mark(c, id) }
func (f *full) Configure(config []byte) error              { return f.configure(config) }

func available(_ *guest.Call, id string) (guest.Credentials, error) {
	return guest.Credentials{ID: id, Status: guest.Available}, nil
}

// inCall runs fn within a call of a service.
func inCall(t *testing.T, i func(*guesttest.Instance), fn func(c *guest.Call)) {
	t.Helper()
	ran := false
	instance := guesttest.New(t, lookup(func(c *guest.Call, id string) (guest.Credentials, error) {
		ran = true
		fn(c)
		return available(c, id)
	}))
	if i != nil {
		i(instance)
	}
	_, err := instance.Lookup("id")
	require.NoError(t, err)
	require.True(t, ran)
}

func TestMissingMethodsAreUnsupported(t *testing.T) {
	i := guesttest.New(t, lookup(available))
	_, err := i.Provide(guest.Credentials{ID: "id"})
	for name, err := range map[string]error{"provide": err, "in use": i.MarkInUse("id"), "revoked": i.MarkRevoked("id")} {
		require.Equal(t, &guest.Error{Status: guest.Unsupported, Text: "UNSUPPORTED"}, err, name)
	}
	require.NoError(t, i.Configure(`{}`), "a service without Configure takes any configuration")
}

func TestMethodsAreGivenTheRequest(t *testing.T) {
	var got []string
	note := func(c *guest.Call, id string) { got = append(got, c.ApplicationID+" "+id+" "+c.RequestID) }
	i := guesttest.New(t, &full{
		lookup: func(c *guest.Call, id string) (guest.Credentials, error) {
			note(c, id)
			return guest.Credentials{ID: id, Body: []byte("b"), Status: guest.InUse, ExpiresUnix: 5}, nil
		},
		provide: func(c *guest.Call, in guest.Credentials) (guest.Credentials, error) {
			note(c, in.ID)
			return in, nil
		},
		mark:      func(c *guest.Call, id string) error { note(c, id); return nil },
		configure: func(config []byte) error { got = append(got, string(config)); return nil },
	})
	require.NoError(t, i.Configure(`{"a": 1}`))
	found, err := i.Lookup("l")
	require.NoError(t, err)
	require.Equal(t, guest.Credentials{ID: "l", Body: []byte("b"), Status: guest.InUse, ExpiresUnix: 5}, found)
	provided, err := i.Provide(guest.Credentials{ID: "p", Body: []byte("key")})
	require.NoError(t, err)
	require.Equal(t, guest.Credentials{ID: "p", Body: []byte("key"), Status: guest.Available}, provided)
	require.NoError(t, i.MarkInUse("u"))
	require.NoError(t, i.MarkRevoked("r"))
	app := guesttest.ApplicationID
	require.Equal(t, []string{`{"a": 1}`, app + " l lookup", app + " p provide", app + " u mark-in-use", app + " r mark-revoked"}, got)
}

func TestErrorsBecomeAStatusAndAReason(t *testing.T) {
	for _, c := range []struct {
		err    error
		status guest.Status
		text   string
	}{
		{guest.ErrNotFound, guest.NotFound, "no such credentials"},
		{guest.Refuse("over quota"), guest.PermissionDenied, "over quota"},
		{guest.Fail(guest.AlreadyExists, "taken"), guest.AlreadyExists, "taken"},
		{fmt.Errorf("range 7: %w", guest.Refuse("revoked")), guest.PermissionDenied, "range 7: revoked"},
		{errors.New("broken"), guest.Internal, "broken"},
		{fmt.Errorf("kv: %w", wasmabi.EDQUOT), guest.ResourceExhausted, "kv: quota of this operation is used up (EDQUOT)"},
		{wasmabi.EAGAIN, guest.Unavailable, "not now, try again (EAGAIN)"},
		{wasmabi.EPERM, guest.Internal, "not granted to this service (EPERM)"},
		{errors.New(strings.Repeat("é", 1000)), guest.Internal, strings.Repeat("é", 512)},
	} {
		t.Run(c.text[:min(20, len(c.text))], func(t *testing.T) {
			i := guesttest.New(t, &full{
				lookup:    func(*guest.Call, string) (guest.Credentials, error) { return guest.Credentials{}, c.err },
				provide:   func(_ *guest.Call, in guest.Credentials) (guest.Credentials, error) { return in, c.err },
				mark:      func(*guest.Call, string) error { return c.err },
				configure: func([]byte) error { return c.err },
			})
			want := &guest.Error{Status: c.status, Text: c.text}
			_, lookup := i.Lookup("id")
			_, provide := i.Provide(guest.Credentials{ID: "id"})
			for name, err := range map[string]error{"lookup": lookup, "provide": provide, "in use": i.MarkInUse("id"), "revoked": i.MarkRevoked("id")} {
				require.Equal(t, want, err, name)
			}
		})
	}
}

func TestAConfigurationIsInvalidUnlessTheErrorSaysOtherwise(t *testing.T) {
	var err error
	i := guesttest.New(t, &full{configure: func([]byte) error { return err }})
	err = errors.New("quota must be positive")
	require.Equal(t, &guest.Error{Status: guest.InvalidArgument, Text: "quota must be positive"}, i.Configure(`{}`))
	err = guest.Fail(guest.Unavailable, "later")
	require.Equal(t, &guest.Error{Status: guest.Unavailable, Text: "later"}, i.Configure(`{}`))
}

func TestStateIsReadAndWritten(t *testing.T) {
	inCall(t, nil, func(c *guest.Call) {
		kv := c.KV()
		_, found, err := kv.Get("a")
		require.NoError(t, err)
		require.False(t, found)

		large := []byte(strings.Repeat("v", wasmabi.MaxKvValueBytes))
		require.NoError(t, kv.Put("a", large))
		value, found, err := kv.Get("a")
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, large, value)

		require.NoError(t, kv.Put("empty", nil))
		value, found, err = kv.Get("empty")
		require.NoError(t, err)
		require.True(t, found)
		require.Empty(t, value)

		require.NoError(t, kv.Delete("a"))
		require.NoError(t, kv.Delete("a"), "deleting what is not there is no error")
		_, found, err = kv.Get("a")
		require.NoError(t, err)
		require.False(t, found)
	})
}

func TestValuesOfTheStateBelongToTheCaller(t *testing.T) {
	inCall(t, nil, func(c *guest.Call) {
		require.NoError(t, c.KV().Put("a", []byte("1")))
		require.NoError(t, c.KV().Put("b", []byte("2")))
		first, _, _ := c.KV().Get("a")
		_, _, _ = c.KV().Get("b")
		require.Equal(t, "1", string(first))
	})
}

func TestKeysAndValuesOverTheirLimitsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		key   string
		value int
		errno wasmabi.Errno
	}{
		"an empty key":              {"", 1, wasmabi.EINVAL},
		"a key of 257 bytes":        {strings.Repeat("k", 257), 1, wasmabi.E2BIG},
		"a value of 64 KiB and one": {"k", wasmabi.MaxKvValueBytes + 1, wasmabi.E2BIG},
	} {
		t.Run(name, func(t *testing.T) {
			inCall(t, nil, func(call *guest.Call) {
				err := call.KV().Put(c.key, make([]byte, c.value))
				require.ErrorIs(t, err, c.errno)
				require.ErrorContains(t, err, "kv_put: ")
			})
		})
	}
}

func TestAnOperationHas32KvCalls(t *testing.T) {
	inCall(t, nil, func(c *guest.Call) {
		for range wasmabi.MaxKvCalls {
			require.NoError(t, c.KV().Put("k", nil))
		}
		require.ErrorIs(t, c.KV().Put("k", nil), wasmabi.EDQUOT)
		_, found, err := c.KV().Get("k")
		require.ErrorIs(t, err, wasmabi.EDQUOT)
		require.False(t, found)
	})
}

func TestScanGivesAllKeysBelowAPrefixInOrder(t *testing.T) {
	inCall(t, nil, func(c *guest.Call) {
		sizes := map[string]int{"a/1": 3000, "a/2": 3000, "a/3": 0, "a/4": wasmabi.MaxKvValueBytes, "a/5": 1, "b/1": 1}
		for key, n := range sizes {
			require.NoError(t, c.KV().Put(key, make([]byte, n)))
		}
		var keys []string
		for e, err := range c.KV().Scan("a/", "a/1") {
			require.NoError(t, err)
			require.Len(t, e.Value, sizes[e.Key])
			keys = append(keys, e.Key)
		}
		require.Equal(t, []string{"a/2", "a/3", "a/4", "a/5"}, keys)
		for e, err := range c.KV().Scan("a/", "") {
			require.NoError(t, err)
			keys = append(keys, e.Key)
			break
		}
		require.Equal(t, "a/1", keys[len(keys)-1], "a scan may be left early")
	})
}

func TestScanEndsAfterAnError(t *testing.T) {
	inCall(t, nil, func(c *guest.Call) {
		for range wasmabi.MaxKvCalls {
			require.NoError(t, c.KV().Put("k", nil))
		}
		rounds := 0
		for _, err := range c.KV().Scan("", "") {
			require.ErrorIs(t, err, wasmabi.EDQUOT)
			rounds++
		}
		require.Equal(t, 1, rounds)
	})
}

func TestConfigIsReadByPointer(t *testing.T) {
	config := `{"quota": 50, "a/b": {"m~n": ["x", {"": "deep"}]}, "long": "` + strings.Repeat("l", 9000) + `"}`
	inCall(t, func(i *guesttest.Instance) { require.NoError(t, i.Configure(config)) }, func(c *guest.Call) {
		for pointer, want := range map[string]string{
			"": config, "/quota": "50", "/a~1b/m~0n/0": `"x"`, "/a~1b/m~0n/1/": `"deep"`, "/long": `"` + strings.Repeat("l", 9000) + `"`,
		} {
			got, ok := c.Config(pointer)
			require.True(t, ok, pointer)
			require.Equal(t, want, string(got), pointer)
		}
		for _, pointer := range []string{"/none", "/quota/0", "/a~1b/m~0n/2", "/a~1b/m~0n/x", "quota"} {
			_, ok := c.Config(pointer)
			require.False(t, ok, pointer)
		}
	})
}

func TestClockDeadlineAndRandomnessComeFromTheEngine(t *testing.T) {
	at := time.Date(2030, time.May, 6, 7, 8, 9, 123_456_789, time.FixedZone("", 3600))
	inCall(t, func(i *guesttest.Instance) {
		i.SetTime(at)
		i.SetDeadline(1500 * time.Millisecond)
		i.SetRandom(func(p []byte) { copy(p, "random bytes") })
	}, func(c *guest.Call) {
		now, err := c.Now()
		require.NoError(t, err)
		require.Equal(t, at.Truncate(time.Millisecond).UTC(), now)
		require.Equal(t, 1500*time.Millisecond, c.Deadline())
		p := make([]byte, 6)
		require.NoError(t, c.Random(p))
		require.Equal(t, "random", string(p))
		require.ErrorIs(t, c.Random(make([]byte, wasmabi.MaxRandomBytes)), wasmabi.EDQUOT)
	})
}

func TestLogRecordsHaveTheirLevel(t *testing.T) {
	i := guesttest.New(t, lookup(func(c *guest.Call, id string) (guest.Credentials, error) {
		if c.Log().DebugEnabled() {
			c.Log().Debug("d")
		}
		c.Log().Info("i")
		c.Log().Warn("w")
		c.Log().Error("e")
		return available(c, id)
	}))
	_, err := i.Lookup("id")
	require.NoError(t, err)
	require.Equal(t, []guesttest.Record{{Level: 0, Text: "d"}, {Level: 1, Text: "i"}, {Level: 2, Text: "w"}, {Level: 3, Text: "e"}}, i.Log())
}

func TestWhatAServiceIsGivenMayBeKept(t *testing.T) {
	var ids, requests []string
	var bodies [][]byte
	i := guesttest.New(t, &full{
		lookup: func(c *guest.Call, id string) (guest.Credentials, error) {
			ids, requests = append(ids, id), append(requests, c.RequestID)
			return available(c, id)
		},
		provide: func(_ *guest.Call, in guest.Credentials) (guest.Credentials, error) {
			bodies = append(bodies, in.Body)
			return in, nil
		},
	})
	for _, id := range []string{"one", "two"} {
		_, err := i.Lookup(id)
		require.NoError(t, err)
		_, err = i.Provide(guest.Credentials{ID: id, Body: []byte(id)})
		require.NoError(t, err)
	}
	require.Equal(t, []string{"one", "two"}, ids)
	require.Equal(t, []string{"lookup", "lookup"}, requests)
	require.Equal(t, "one", string(slices.Concat(bodies[:1]...)))
}

func TestALookupDoesNotAllocate(t *testing.T) {
	d := guest.NewDispatcher(lookup(available), nil)
	r := wasmabi.LookupRequest{ApplicationID: "app", CredentialsID: "SN-001000", RequestID: "r"}
	raw := r.Append(nil)
	d.Lookup(raw)
	require.Zero(t, testing.AllocsPerRun(100, func() { d.Lookup(raw) }))
}

func BenchmarkLookup(b *testing.B) {
	d := guest.NewDispatcher(lookup(available), nil)
	r := wasmabi.LookupRequest{ApplicationID: guesttest.ApplicationID, CredentialsID: "SN-001000", RequestID: "0193e2c4-6b1f-7c50"}
	raw := r.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		d.Lookup(raw)
	}
}
