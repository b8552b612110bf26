package guest

import (
	"github.com/credence-engine/credence/wasmabi"
	"github.com/credence-engine/credence/wasmabi/guest/internal/host"
)

// Dispatcher decodes requests, calls a service and encodes its answers, the
// same way in a module and in a test. Authors have no use for it: a module's
// is made by [Register], that of a test by package guesttest.
//
// What a service is given aliases the request, so that must not be changed
// afterwards. An answer is valid until the next call.
type Dispatcher struct {
	service    Service
	provider   Provider
	inUse      InUseMarker
	revoked    RevokedMarker
	verifier   ProofVerifier
	configurer Configurer

	host    *host.Host
	call    Call
	lookup  wasmabi.LookupRequest // also holds the requests of the same form
	answer  []byte
	scratch []byte // for values, until their length is known
}

// NewDispatcher resolves once what the service offers. The host is one that
// only packages below this one can name.
func NewDispatcher(service Service, h *host.Host) *Dispatcher {
	d := &Dispatcher{service: service, host: h, scratch: make([]byte, 4<<10)}
	d.provider, _ = service.(Provider)
	d.inUse, _ = service.(InUseMarker)
	d.revoked, _ = service.(RevokedMarker)
	d.verifier, _ = service.(ProofVerifier)
	d.configurer, _ = service.(Configurer)
	return d
}

// Configure serves cred_configure. No configuration at all is an empty one.
func (d *Dispatcher) Configure(config []byte) Status {
	if d.configurer == nil {
		return wasmabi.OK
	}
	if len(config) == 0 {
		config = []byte("{}")
	}
	return d.fail(d.configurer.Configure(config), InvalidArgument)
}

// Lookup serves lookup_credentials.
func (d *Dispatcher) Lookup(request []byte) ([]byte, Status) {
	if err := d.lookup.Decode(request); err != nil {
		return nil, d.fail(err, InvalidArgument)
	}
	found, err := d.service.Lookup(d.begin(d.lookup.ApplicationID, d.lookup.RequestID), d.lookup.CredentialsID)
	if err != nil {
		return nil, d.fail(err, Internal)
	}
	d.answer = found.Append(d.answer[:0])
	return d.answer, wasmabi.OK
}

// Provide serves provide_credentials.
func (d *Dispatcher) Provide(request []byte) ([]byte, Status) {
	if d.provider == nil {
		return nil, Unsupported
	}
	var r wasmabi.ProvideRequest
	if err := r.Decode(request); err != nil {
		return nil, d.fail(err, InvalidArgument)
	}
	out, err := d.provider.Provide(d.begin(r.ApplicationID, r.RequestID), r.Credentials)
	if err != nil {
		return nil, d.fail(err, Internal)
	}
	d.answer = out.Append(d.answer[:0])
	return d.answer, wasmabi.OK
}

// MarkInUse serves mark_credentials_in_use.
func (d *Dispatcher) MarkInUse(request []byte) ([]byte, Status) {
	if d.inUse == nil {
		return nil, Unsupported
	}
	r := (*wasmabi.MarkInUseRequest)(&d.lookup)
	if err := r.Decode(request); err != nil {
		return nil, d.fail(err, InvalidArgument)
	}
	return nil, d.fail(d.inUse.MarkInUse(d.begin(r.ApplicationID, r.RequestID), r.CredentialsID), Internal)
}

// MarkRevoked serves mark_credentials_revoked.
func (d *Dispatcher) MarkRevoked(request []byte) ([]byte, Status) {
	if d.revoked == nil {
		return nil, Unsupported
	}
	r := (*wasmabi.MarkRevokedRequest)(&d.lookup)
	if err := r.Decode(request); err != nil {
		return nil, d.fail(err, InvalidArgument)
	}
	return nil, d.fail(d.revoked.MarkRevoked(d.begin(r.ApplicationID, r.RequestID), r.CredentialsID), Internal)
}

// VerifyProof serves verify_proof.
func (d *Dispatcher) VerifyProof(request []byte) Status {
	if d.verifier == nil {
		return Unsupported
	}
	var r wasmabi.VerifyProofRequest
	if err := r.Decode(request); err != nil {
		return d.fail(err, InvalidArgument)
	}
	given := Proof{Type: r.ProofType, Challenge: r.Challenge, Value: r.Proof}
	return d.fail(d.verifier.VerifyProof(d.begin(r.ApplicationID, r.RequestID), r.Credentials, given), Internal)
}

func (d *Dispatcher) begin(application, request string) *Call {
	d.call = Call{ApplicationID: application, RequestID: request, d: d}
	return &d.call
}

// fail reports an error to the engine. One that carries no status has the
// given one.
func (d *Dispatcher) fail(err error, otherwise Status) Status {
	if err == nil {
		return wasmabi.OK
	}
	d.host.Core.ErrorWrite(err.Error())
	return statusOf(err, otherwise)
}
