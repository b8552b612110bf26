package main

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/wasmabi"
	"github.com/credence-engine/credence/wasmabi/guest"
	"github.com/credence-engine/credence/wasmabi/guest/guesttest"
)

const address = "https://registry.example.com/devices/"

// registry is a played one.
type registry struct {
	status  int
	devices map[string]string // the answers, by id
	asked   []guest.Request
}

func (r *registry) handle(request guest.Request) (guest.Response, error) {
	r.asked = append(r.asked, request)
	body, found := r.devices[request.URL[len(address):]]
	switch {
	case r.status == 0:
		return guest.Response{}, errors.New("no route to host")
	case r.status == http.StatusOK && !found:
		return guest.Response{Status: http.StatusNotFound}, nil
	}
	return guest.Response{Status: r.status, Body: []byte(body)}, nil
}

var start = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

func newService(t *testing.T, config string) (*guesttest.Instance, *registry) {
	t.Helper()
	i := guesttest.New(t, &service{})
	require.NoError(t, i.Configure(config))
	r := &registry{status: http.StatusOK, devices: map[string]string{
		"SN-1": `{"state": "active", "model": "A7"}`,
		"SN-2": `{"state": "active", "validUntil": "2026-06-01T00:00:00Z"}`,
		"SN-3": `{"state": "stolen"}`,
	}}
	i.HandleHTTP(address, r.handle)
	i.SetSecret("registry-token", []byte("t0p"))
	i.SetTime(start)
	return i, r
}

const plainConfig = `{"url": "` + address + `", "secret": "registry-token"}`

func TestTheRegistryDecides(t *testing.T) {
	i, r := newService(t, plainConfig)
	for id, want := range map[string]guest.Credentials{
		"SN-1": {ID: "SN-1", Status: guest.Available},
		"SN-2": {ID: "SN-2", Status: guest.Available, ExpiresUnix: 1780272000},
		"SN-3": {ID: "SN-3", Status: guest.Revoked},
	} {
		got, err := i.Lookup(id)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := i.Lookup("SN-9")
	require.Equal(t, guest.ErrNotFound, err)
	require.Equal(t, guest.Request{
		Method: "GET", URL: address + "SN-9", Timeout: 150 * time.Millisecond,
		Headers: []guest.Header{{Name: "accept", Value: "application/json"}, {Name: "authorization", Value: "Bearer t0p"}},
	}, r.asked[3])
}

func TestARegistryMayWantNoToken(t *testing.T) {
	i, r := newService(t, `{"url": "`+address+`"}`)
	_, err := i.Lookup("SN-1")
	require.NoError(t, err)
	require.Len(t, r.asked[0].Headers, 1)
}

func TestAnAnswerIsGoodForAWhile(t *testing.T) {
	i, r := newService(t, plainConfig)
	lookup := func(after time.Duration, asked int) {
		t.Helper()
		i.SetTime(start.Add(after))
		_, err := i.Lookup("SN-1")
		require.NoError(t, err)
		require.Len(t, r.asked, asked)
	}
	lookup(0, 1)
	lookup(299*time.Second, 1)
	lookup(300*time.Second, 2)
	lookup(599*time.Second, 2)
}

func TestWhileTheRegistryIsAwayItsLastAnswerHolds(t *testing.T) {
	for name, away := range map[string]struct {
		status int
		body   string
	}{
		"the network fails":       {0, ""},
		"it is broken":            {http.StatusInternalServerError, ""},
		"it is busy":              {http.StatusTooManyRequests, ""},
		"it moved":                {http.StatusFound, ""},
		"it refuses the token":    {http.StatusUnauthorized, ""},
		"it answers with HTML":    {http.StatusOK, "<html>"},
		"it forgets the state":    {http.StatusOK, `{"id": "SN-1"}`},
		"it cannot write a date":  {http.StatusOK, `{"state": "active", "validUntil": "tomorrow"}`},
		"it answers with nothing": {http.StatusOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			i, r := newService(t, plainConfig)
			for _, id := range []string{"SN-1", "SN-3"} {
				_, err := i.Lookup(id)
				require.NoError(t, err)
			}
			r.status = away.status
			r.devices = map[string]string{"SN-1": away.body, "SN-2": away.body, "SN-3": away.body}

			i.SetTime(start.Add(300*time.Second + 24*time.Hour - time.Second))
			found, err := i.Lookup("SN-1")
			require.NoError(t, err)
			require.Equal(t, guest.Available, found.Status)
			last := i.Log()[len(i.Log())-1]
			require.Equal(t, wasmabi.Warn, last.Level)
			require.Contains(t, last.Text, "the answer for SN-1 is of 2026-03-01T12:00:00Z: the registry")
			found, err = i.Lookup("SN-3")
			require.NoError(t, err)
			require.Equal(t, guest.Revoked, found.Status, "and so does a refusal")

			unavailable(t, i, "SN-2") // of which nothing is known
			i.SetTime(start.Add(300*time.Second + 24*time.Hour))
			unavailable(t, i, "SN-1") // too long ago
		})
	}
}

func unavailable(t *testing.T, i *guesttest.Instance, id string) {
	t.Helper()
	_, err := i.Lookup(id)
	failure, ok := errors.AsType[*guest.Error](err)
	require.True(t, ok)
	require.Equal(t, guest.Unavailable, failure.Status)
	require.Contains(t, failure.Text, "the registry")
}

func TestADeviceThatTheRegistryDropsStaysOut(t *testing.T) {
	i, r := newService(t, plainConfig)
	_, err := i.Lookup("SN-1")
	require.NoError(t, err)

	delete(r.devices, "SN-1")
	i.SetTime(start.Add(time.Hour))
	found, err := i.Lookup("SN-1")
	require.NoError(t, err)
	require.Equal(t, guest.Revoked, found.Status)

	r.status = 0 // the answer before must not come back
	i.SetTime(start.Add(2 * time.Hour))
	found, err = i.Lookup("SN-1")
	require.NoError(t, err)
	require.Equal(t, guest.Revoked, found.Status)

	r.status, r.devices["SN-1"] = http.StatusOK, `{"state": "active"}`
	found, err = i.Lookup("SN-1")
	require.NoError(t, err)
	require.Equal(t, guest.Available, found.Status, "the registry has it again")
}

func TestASecretThatIsMissingIsNotTheDevicesFault(t *testing.T) {
	i, _ := newService(t, plainConfig)
	i.SetSecret("registry-token", nil)
	unavailable(t, i, "SN-1")
}

func TestAnIDThatIsNoPartOfAURLIsNotAskedFor(t *testing.T) {
	i, r := newService(t, plainConfig)
	for _, id := range []string{"..", ".", "a/b", "a?b", "a#b", "a%2fb", " ", "é", "a\n", string(make([]byte, 200))} {
		_, err := i.Lookup(id)
		require.Equal(t, guest.ErrNotFound, err, "%q", id)
	}
	require.Empty(t, r.asked)
}

func TestAConfigurationThatCannotServeIsRefused(t *testing.T) {
	for config, want := range map[string]string{
		`{}`:                                     "url is missing",
		`{"url": "ftp://registry.example.com/"}`: "url is missing, or not the whole address of a folder",
		`{"url": "https://registry.example.com"}`:                    "not the whole address of a folder",
		`{"url": "` + address + `", "cacheSeconds": -1}`:             "cacheSeconds is -1: give 0 to 86400",
		`{"url": "` + address + `", "graceSeconds": 99999999}`:       "graceSeconds is 99999999",
		`{"url": "` + address + `", "timeoutMs": 1000}`:              "timeoutMs is 1000: give 10 to 200",
		`{"url": "` + address + `", "ttl": 5}`:                       "unknown field",
		`{"url": "` + address + `", "cacheSeconds": "five minutes"}`: "cannot be read",
	} {
		err := guesttest.New(t, &service{}).Configure(config)
		failure, ok := errors.AsType[*guest.Error](err)
		require.True(t, ok, config)
		require.Equal(t, guest.InvalidArgument, failure.Status)
		require.Contains(t, failure.Text, want)
	}
}
