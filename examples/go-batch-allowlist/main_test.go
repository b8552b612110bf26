package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/wasmabi/guest"
	"github.com/credence-engine/credence/wasmabi/guest/guesttest"
)

const thousands = "range:SN-001000..SN-001999"

func provide(t *testing.T, i *guesttest.Instance, id, body string) {
	t.Helper()
	_, err := i.Provide(guest.Credentials{ID: id, Body: []byte(body)})
	require.NoError(t, err)
}

func status(t *testing.T, i *guesttest.Instance, id string) string {
	t.Helper()
	c, err := i.Lookup(id)
	require.NoError(t, err)
	return c.Status.String()
}

func refused(t *testing.T, err error, status guest.Status, text string) {
	t.Helper()
	var e *guest.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, status, e.Status, e.Text)
	require.Contains(t, e.Text, text)
}

func TestSerialsOfARangeAreKnownAndOthersAreNot(t *testing.T) {
	i := guesttest.New(t, newService())
	provide(t, i, thousands, `{"quota": 2}`)
	provide(t, i, "range:SN-003000..SN-003000", "")
	provide(t, i, "range:SN-000001..SN-000009", "")
	for id, known := range map[string]bool{
		"SN-001000": true, "SN-001500": true, "SN-001999": true, "SN-003000": true, "SN-000001": true, "SN-000009": true,
		"SN-000999": false, "SN-002000": false, "SN-003001": false, "SN-000010": false, "SN-000000": false,
		"SN-1500": false, "XX-001500": false, "SN-": false, "1500": false, strings.Repeat("9", 256): false,
	} {
		c, err := i.Lookup(id)
		if known {
			require.NoError(t, err, id)
			require.Equal(t, guest.Credentials{ID: id, Status: guest.Available}, c)
		} else {
			require.Equal(t, guest.ErrNotFound, err, id)
		}
	}
}

func TestAFirstConnectionCountsOnce(t *testing.T) {
	i := guesttest.New(t, newService())
	provide(t, i, thousands, `{"quota": 2}`)
	i.Conflict()
	require.NoError(t, i.MarkInUse("SN-001000"))
	require.Equal(t, "SN-001000 connects for the first time: 1 of 2 in SN-001000..SN-001999", i.Log()[0].Text)
	require.Equal(t, "IN_USE", status(t, i, "SN-001000"))
	require.NoError(t, i.MarkInUse("SN-001000"), "again")
	require.NoError(t, i.MarkInUse("SN-001001"))
	require.Equal(t, "2", i.State()["used/SN-001000..SN-001999"])
}

func TestAConnectionOverTheQuotaIsRefusedUntilTheQuotaIsRaised(t *testing.T) {
	i := guesttest.New(t, newService())
	provide(t, i, thousands, `{"quota": 1}`)
	require.NoError(t, i.MarkInUse("SN-001000"))
	refused(t, i.MarkInUse("SN-001001"), guest.PermissionDenied, "the range SN-001000..SN-001999 has used up its quota of 1 first connections")
	require.Equal(t, "AVAILABLE", status(t, i, "SN-001001"))
	require.Equal(t, "IN_USE", status(t, i, "SN-001000"), "those that are in use stay")

	provide(t, i, thousands, `{"quota": 2}`)
	require.NoError(t, i.MarkInUse("SN-001001"))
	provide(t, i, thousands, `{"quota": 1}`)
	refused(t, i.MarkInUse("SN-001002"), guest.PermissionDenied, "quota of 1")
}

func TestQuotasOfRangesAreApart(t *testing.T) {
	i := guesttest.New(t, newService())
	provide(t, i, "range:SN-1..SN-4", `{"quota": 1}`)
	provide(t, i, "range:SN-5..SN-9", `{"quota": 1}`)
	require.NoError(t, i.MarkInUse("SN-1"))
	require.NoError(t, i.MarkInUse("SN-9"))
	require.Error(t, i.MarkInUse("SN-2"))
	require.Error(t, i.MarkInUse("SN-8"))
}

func TestARevokedSerialStaysRevoked(t *testing.T) {
	i := guesttest.New(t, newService())
	provide(t, i, thousands, "")
	require.NoError(t, i.MarkInUse("SN-001000"))
	for range 2 {
		require.NoError(t, i.MarkRevoked("SN-001000"))
		require.Equal(t, "REVOKED", status(t, i, "SN-001000"))
	}
	refused(t, i.MarkInUse("SN-001000"), guest.PermissionDenied, "the serial SN-001000 was revoked")
	provide(t, i, thousands, `{"quota": 9}`)
	require.Equal(t, "REVOKED", status(t, i, "SN-001000"))
	require.Equal(t, "AVAILABLE", status(t, i, "SN-001001"))
}

func TestARevokedRangeRefusesAllOfIt(t *testing.T) {
	i := guesttest.New(t, newService())
	provide(t, i, thousands, "")
	provide(t, i, "range:SN-002000..SN-002999", "")
	require.NoError(t, i.MarkInUse("SN-001000"))
	for range 2 {
		require.NoError(t, i.MarkRevoked(thousands))
		require.Equal(t, "REVOKED", status(t, i, thousands))
	}
	for _, id := range []string{"SN-001000", "SN-001999"} {
		_, err := i.Lookup(id)
		refused(t, err, guest.PermissionDenied, "the range SN-001000..SN-001999 was revoked, and "+id+" is in it")
		refused(t, i.MarkInUse(id), guest.PermissionDenied, "was revoked")
	}
	require.Equal(t, "AVAILABLE", status(t, i, "SN-002000"))
	_, err := i.Provide(guest.Credentials{ID: thousands, Body: []byte(`{"quota": 9}`)})
	refused(t, err, guest.FailedPrecondition, "was revoked, which is final")
}

func TestRevokingWhatIsUnknownDoesNoHarm(t *testing.T) {
	i := guesttest.New(t, newService())
	for _, id := range []string{thousands, "range:nonsense", "nonsense"} {
		require.NoError(t, i.MarkRevoked(id))
	}
	require.Empty(t, i.State())
	provide(t, i, thousands, "")
	require.NoError(t, i.MarkRevoked("range:SN-001000..SN-001998"), "another range")
	require.Equal(t, "AVAILABLE", status(t, i, "SN-001000"))
}

func TestARangeIsNoDevice(t *testing.T) {
	i := guesttest.New(t, newService())
	provide(t, i, thousands, "")
	require.Equal(t, "AVAILABLE", status(t, i, thousands))
	refused(t, i.MarkInUse(thousands), guest.PermissionDenied, "a range is no device")
	_, err := i.Lookup("range:SN-001000..SN-001998")
	require.Equal(t, guest.ErrNotFound, err)
}

func TestWhatIsNoRangeIsRefusedWithAnExample(t *testing.T) {
	for name, c := range map[string]struct{ id, body, text string }{
		"a serial":             {"SN-001000", "", "provision an id like range:SN-001000..SN-001999"},
		"one serial only":      {"range:SN-1", "", "its first and last serial"},
		"no digits":            {"range:A..B", "", `"A" is no serial number`},
		"no digits at the end": {"range:A1..B", "", `"B" is no serial number`},
		"other prefixes":       {"range:A1..B2", "", "different series"},
		"other lengths":        {"range:A1..A10", "", "different series"},
		"backwards":            {"range:A2..A1", "", "write the lower serial first"},
		"too many":             {"range:A0000001..A9999999", "", "the range has 9999999 serials: at most 100000"},
		"no JSON":              {thousands, "quota=3", `example: {"quota": 50}`},
		"an unknown member":    {thousands, `{"quotas": 3}`, `unknown field "quotas"`},
		"a negative quota":     {thousands, `{"quota": -1}`, "quota"},
		"two values":           {thousands, `{"quota": 1} {}`, "something after"},
		"a brace too many":     {thousands, `{"quota": 1}}`, "something after"},
	} {
		t.Run(name, func(t *testing.T) {
			i := guesttest.New(t, newService())
			_, err := i.Provide(guest.Credentials{ID: c.id, Body: []byte(c.body)})
			refused(t, err, guest.InvalidArgument, c.text)
			require.Empty(t, i.State())
		})
	}
}

func TestOverlappingRangesAreRefused(t *testing.T) {
	for _, id := range []string{"range:A10..A30", "range:A30..A40", "range:A15..A18", "range:A05..A10", "range:A20..A99", "range:A05..A50"} {
		t.Run(id, func(t *testing.T) {
			i := guesttest.New(t, newService())
			provide(t, i, "range:A10..A20", "")
			provide(t, i, "range:A30..A35", "")
			_, err := i.Provide(guest.Credentials{ID: id})
			refused(t, err, guest.AlreadyExists, "overlaps")
		})
	}
}

func TestASeriesHoldsThousandsOfRangesAndThenSaysSo(t *testing.T) {
	i := guesttest.New(t, newService())
	for n := range maxEntries {
		provide(t, i, fmt.Sprintf("range:A%05d..A%05d", 2*n, 2*n), "")
	}
	require.Equal(t, "AVAILABLE", status(t, i, fmt.Sprintf("A%05d", 2*(maxEntries-1))))
	_, err := i.Provide(guest.Credentials{ID: "range:A99999..A99999"})
	refused(t, err, guest.ResourceExhausted, "as many ranges as it can hold")
}

func TestConfigurationGivesDefaultsAndIsChecked(t *testing.T) {
	i := guesttest.New(t, newService())
	require.NoError(t, i.Configure(`{"defaultQuota": 1, "maxRange": 10}`))
	provide(t, i, "range:A1..A5", "")
	require.NoError(t, i.MarkInUse("A1"))
	require.Error(t, i.MarkInUse("A2"))
	_, err := i.Provide(guest.Credentials{ID: "range:B01..B11"})
	refused(t, err, guest.InvalidArgument, "at most 10 are configured")

	require.NoError(t, i.Configure(`{"maxRange": 1}`))
	require.NoError(t, i.MarkRevoked("range:A1..A5"), "provisioned before the limit was lowered")
	require.Equal(t, "REVOKED", status(t, i, "range:A1..A5"))

	refused(t, i.Configure(`{"defaultQuotas": 1}`), guest.InvalidArgument, `unknown field "defaultQuotas"`)
	refused(t, i.Configure(`{"maxRange": 0}`), guest.InvalidArgument, "give 1 or more")
	require.NoError(t, i.Configure(""), "a service without a configuration")
}
