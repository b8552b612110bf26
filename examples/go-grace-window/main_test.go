package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/wasmabi/guest"
	"github.com/credence-engine/credence/wasmabi/guest/guesttest"
)

const june = `{"notBefore": "2026-06-01T00:00:00Z", "notAfter": "2026-06-30T00:00:00Z"}`

func configured(t *testing.T, config string) *guesttest.Instance {
	t.Helper()
	i := guesttest.New(t, &service{})
	require.NoError(t, i.Configure(config))
	return i
}

func provide(t *testing.T, i *guesttest.Instance, id, body string) {
	t.Helper()
	_, err := i.Provide(guest.Credentials{ID: id, Body: []byte(body)})
	require.NoError(t, err)
}

func at(t *testing.T, i *guesttest.Instance, when string) {
	t.Helper()
	now, err := time.Parse(time.RFC3339, when)
	require.NoError(t, err)
	i.SetTime(now)
}

func refused(t *testing.T, err error, status guest.Status, text string) {
	t.Helper()
	var e *guest.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, status, e.Status, e.Text)
	require.Contains(t, e.Text, text)
}

func TestCredentialsAreAcceptedWithinTheirWindowOnly(t *testing.T) {
	i := configured(t, `{}`)
	provide(t, i, "d", june)
	for _, c := range []struct{ now, refusal string }{
		{"2026-05-31T23:59:59Z", "valid only from 2026-06-01T00:00:00Z on, now is 2026-05-31T23:59:59Z"},
		{"2026-06-01T00:00:00Z", ""},
		{"2026-06-29T23:59:59Z", ""},
		{"2026-06-30T01:59:59+02:00", ""},
		{"2026-06-30T00:00:00Z", "valid only until 2026-06-30T00:00:00Z, now is 2026-06-30T00:00:00Z"},
		{"2040-01-01T00:00:00Z", "valid only until 2026-06-30T00:00:00Z"},
	} {
		at(t, i, c.now)
		found, err := i.Lookup("d")
		if c.refusal != "" {
			refused(t, err, guest.PermissionDenied, c.refusal)
			refused(t, i.MarkInUse("d"), guest.PermissionDenied, "now is")
			continue
		}
		require.NoError(t, err, c.now)
		require.Equal(t, guest.Credentials{ID: "d", Status: guest.Available, ExpiresUnix: uint64(time.Date(2026, 6, 30, 0, 0, 0, 0, time.UTC).Unix())}, found)
	}
}

func TestTheConfigurationGivesTheWindowThatCredentialsDoNotBring(t *testing.T) {
	i := configured(t, `{"notBefore": "2026-01-01T00:00:00Z", "notAfter": "2027-01-01T00:00:00Z"}`)
	at(t, i, "2026-07-01T00:00:00Z")
	provide(t, i, "key", "-----BEGIN PUBLIC KEY-----")
	provide(t, i, "own key", `{"key": "abc"}`)
	provide(t, i, "own end", `{"notAfter": "2026-06-15T00:00:00Z"}`)
	provide(t, i, "own start", `{"notBefore": "2026-08-01T00:00:00Z"}`)
	for id, text := range map[string]string{
		"key": "", "own key": "",
		"own end":   "valid only until 2026-06-15T00:00:00Z",
		"own start": "valid only from 2026-08-01T00:00:00Z",
	} {
		_, err := i.Lookup(id)
		if text == "" {
			require.NoError(t, err, id)
		} else {
			refused(t, err, guest.PermissionDenied, text)
		}
	}
	require.NoError(t, i.Configure(`{"notBefore": "2026-01-01T00:00:00Z", "notAfter": "2026-02-01T00:00:00Z"}`))
	_, err := i.Lookup("key")
	refused(t, err, guest.PermissionDenied, "valid only until 2026-02-01T00:00:00Z")
	require.NoError(t, i.Configure(`{}`))
	_, err = i.Lookup("key")
	refused(t, err, guest.PermissionDenied, "no window")
}

func TestDaysOfGraceAreForDevicesInUse(t *testing.T) {
	i := configured(t, `{"graceDays": 7}`)
	provide(t, i, "old", june)
	provide(t, i, "new", june)
	at(t, i, "2026-06-15T00:00:00Z")
	i.Conflict()
	require.NoError(t, i.MarkInUse("old"))

	at(t, i, "2026-07-02T00:00:00Z")
	found, err := i.Lookup("old")
	require.NoError(t, err)
	require.Equal(t, guest.InUse, found.Status)
	require.Equal(t, uint64(time.Date(2026, 7, 7, 0, 0, 0, 0, time.UTC).Unix()), found.ExpiresUnix)
	require.Equal(t, "old ended on 2026-06-30T00:00:00Z and is in its days of grace until 2026-07-07T00:00:00Z", i.Log()[0].Text)
	require.NoError(t, i.MarkInUse("old"))
	refused(t, i.MarkInUse("new"), guest.PermissionDenied, "a first connection was possible until 2026-06-30T00:00:00Z, now is 2026-07-02T00:00:00Z")

	at(t, i, "2026-07-07T00:00:00Z")
	_, err = i.Lookup("old")
	refused(t, err, guest.PermissionDenied, "valid only until 2026-06-30T00:00:00Z and, with 7 days of grace, until 2026-07-07T00:00:00Z, now is 2026-07-07T00:00:00Z")
}

func TestAWindowCanBeMovedByProvisioningAgain(t *testing.T) {
	i := configured(t, `{}`)
	provide(t, i, "d", june)
	at(t, i, "2026-06-15T00:00:00Z")
	require.NoError(t, i.MarkInUse("d"))
	provide(t, i, "d", `{"notBefore": "2026-06-01T00:00:00Z", "notAfter": "2028-01-01T00:00:00Z"}`)
	at(t, i, "2027-06-15T00:00:00Z")
	found, err := i.Lookup("d")
	require.NoError(t, err)
	require.Equal(t, guest.InUse, found.Status, "a device in use stays in use")
}

func TestARevocationStays(t *testing.T) {
	i := configured(t, `{}`)
	at(t, i, "2026-06-15T00:00:00Z")
	provide(t, i, "d", june)
	for range 2 {
		require.NoError(t, i.MarkRevoked("d"))
		found, err := i.Lookup("d")
		require.NoError(t, err)
		require.Equal(t, guest.Revoked, found.Status)
	}
	refused(t, i.MarkInUse("d"), guest.PermissionDenied, "revoked")
	_, err := i.Provide(guest.Credentials{ID: "d", Body: []byte(june)})
	refused(t, err, guest.FailedPrecondition, "revoked, which is final")
	require.NoError(t, i.MarkRevoked("unknown"))
}

func TestUnknownCredentialsAreNotFound(t *testing.T) {
	i := configured(t, `{}`)
	_, err := i.Lookup("d")
	require.Equal(t, guest.ErrNotFound, err)
	refused(t, i.MarkInUse("d"), guest.NotFound, "no such credentials")
	_, err = i.Lookup(strings.Repeat("d", 256))
	require.Equal(t, guest.ErrNotFound, err, "the longest id fits into a key")
}

func TestBodiesWithoutAUsableWindowAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ body, text string }{
		"no window at all":    {"some key", "the credentials have no window"},
		"one end only":        {`{"notAfter": "2026-06-30T00:00:00Z"}`, "the credentials have no window"},
		"the end first":       {`{"notBefore": "2026-06-30T00:00:00Z", "notAfter": "2026-06-01T00:00:00Z"}`, "must come after"},
		"a date without time": {`{"notBefore": "2026-06-01"}`, "the body is not as expected"},
		"an unknown member":   {`{"notbefor": "2026-06-01T00:00:00Z"}`, `unknown field "notbefor"`},
		"two values":          {june + "{}", "something after"},
	} {
		t.Run(name, func(t *testing.T) {
			i := configured(t, `{}`)
			_, err := i.Provide(guest.Credentials{ID: "d", Body: []byte(c.body)})
			refused(t, err, guest.InvalidArgument, c.text)
			require.Empty(t, i.State())
		})
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	i := guesttest.New(t, &service{})
	for config, text := range map[string]string{
		`{"graceDays": -1}`:           "graceDays is -1: give 0 to 3650",
		`{"graceDays": 4000}`:         "graceDays is 4000: give 0 to 3650",
		`{"graceDay": 1}`:             `unknown field "graceDay"`,
		`{"notAfter": "next summer"}`: "the configuration is not as expected",
		`{"notBefore": "2026-06-30T00:00:00Z", "notAfter": "2026-06-01T00:00:00Z"}`: "must come after",
	} {
		refused(t, i.Configure(config), guest.InvalidArgument, text)
	}
	sample, err := os.ReadFile("config.json")
	require.NoError(t, err)
	require.NoError(t, i.Configure(string(sample)))
}
