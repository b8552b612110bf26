package guest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/credence-engine/credence/wasmabi/guest/internal/host"
)

type mute struct {
	Service
	Provider
	InUseMarker
	RevokedMarker
	ProofVerifier
}

type silent struct{ Service }

// reasons keeps the last reason that was written.
type reasons struct {
	host.Core
	last string
}

func (r *reasons) ErrorWrite(text string) { r.last = text }

func TestMalformedRequestsAreRefusedWithTheReason(t *testing.T) {
	var core reasons
	d := NewDispatcher(mute{}, &host.Host{Core: &core})
	for message, operation := range map[string]func([]byte) Status{
		"LookupRequest":      func(b []byte) Status { _, s := d.Lookup(b); return s },
		"ProvideRequest":     func(b []byte) Status { _, s := d.Provide(b); return s },
		"MarkInUseRequest":   func(b []byte) Status { _, s := d.MarkInUse(b); return s },
		"MarkRevokedRequest": func(b []byte) Status { _, s := d.MarkRevoked(b); return s },
		"VerifyProofRequest": d.VerifyProof,
	} {
		require.Equal(t, InvalidArgument, operation([]byte{0x7f}), message)
		require.Equal(t, message+" at byte 0: unknown field number 15", core.last)
	}
}

func TestRegisterTakesOneService(t *testing.T) {
	t.Cleanup(func() { registered = nil })
	require.PanicsWithValue(t, "guest: Register(nil): give a service", func() { Register(nil) })
	require.PanicsWithValue(t, "guest: the service judges proofs: register it with proof.Register, which exports verify_proof", func() { Register(mute{}) })
	Register(silent{})
	require.PanicsWithValue(t, "guest: Register was called twice: a module holds one service", func() { Register(silent{}) })
}
