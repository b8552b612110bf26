package guesttest

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/credence-engine/credence/wasmabi"
	"github.com/credence-engine/credence/wasmabi/guest"
	"github.com/credence-engine/credence/wasmabi/guest/internal/host"
)

// ApplicationID is the application that every call of an [Instance] is about.
const ApplicationID = "0b8f8d7e-58c5-4b43-9f0e-0f7c6fcb3a11"

// Instance is a service as it runs for one application. It is for one test,
// and for one goroutine.
//
// Its operations return an error of type *guest.Error when the service
// answered with a status, and any other error when it broke the contract.
type Instance struct {
	dispatcher *guest.Dispatcher
	fake       *fake
	conflict   bool
}

// New makes an instance of a service. The clock stands at 2026-01-01 UTC and
// the state is empty.
func New(tb testing.TB, service guest.Service) *Instance {
	tb.Helper()
	f := newFake()
	return &Instance{
		dispatcher: guest.NewDispatcher(service, &host.Host{Core: f, Kv: f, Clock: f, Random: f, HTTP: f, Secrets: f, Crypto: f}),
		fake:       f,
	}
}

// Configure gives the service its configuration, a JSON text; empty for none.
func (i *Instance) Configure(config string) error {
	i.fake.begin(nil)
	if !i.fake.configure(config) {
		return errors.New("the configuration is not valid JSON")
	}
	status := i.dispatcher.Configure([]byte(config))
	return i.fake.result(status)
}

// Lookup asks for credentials.
func (i *Instance) Lookup(id string) (guest.Credentials, error) {
	r := wasmabi.LookupRequest{ApplicationID: ApplicationID, CredentialsID: id, RequestID: "lookup"}
	answer, err := i.run(r.Append(nil), i.dispatcher.Lookup)
	switch {
	case err != nil:
		return guest.Credentials{}, err
	case len(answer) == 0:
		return guest.Credentials{}, guest.ErrNotFound
	}
	return checked(answer, id)
}

// Provide registers credentials. A status need not be given.
func (i *Instance) Provide(in guest.Credentials) (guest.Credentials, error) {
	in.Status = guest.Available
	r := wasmabi.ProvideRequest{ApplicationID: ApplicationID, Credentials: in, RequestID: "provide"}
	answer, err := i.run(r.Append(nil), i.dispatcher.Provide)
	if err != nil {
		return guest.Credentials{}, err
	}
	out, err := checked(answer, in.ID)
	switch {
	case err != nil:
		return out, err
	case string(out.Body) != string(in.Body):
		return out, errors.New("the contract is broken: the answer has another body than was given")
	case out.Status != guest.Available:
		return out, errors.New("the contract is broken: provided credentials must be AVAILABLE, not " + out.Status.String())
	}
	return out, nil
}

// MarkInUse tells that an endpoint claims the credentials.
func (i *Instance) MarkInUse(id string) error {
	r := wasmabi.MarkInUseRequest{ApplicationID: ApplicationID, CredentialsID: id, RequestID: "mark-in-use"}
	_, err := i.run(r.Append(nil), i.dispatcher.MarkInUse)
	return err
}

// MarkRevoked tells that the credentials are revoked.
func (i *Instance) MarkRevoked(id string) error {
	r := wasmabi.MarkRevokedRequest{ApplicationID: ApplicationID, CredentialsID: id, RequestID: "mark-revoked"}
	_, err := i.run(r.Append(nil), i.dispatcher.MarkRevoked)
	return err
}

// VerifyProof asks whether a proof shows possession of credentials, as a lookup
// has answered them. An error of the status PermissionDenied or InvalidArgument
// says that it does not, any other that there is no decision.
func (i *Instance) VerifyProof(of guest.Credentials, p guest.Proof) error {
	r := wasmabi.VerifyProofRequest{
		ApplicationID: ApplicationID, Credentials: of, ProofType: p.Type, Challenge: p.Challenge, Proof: p.Value, RequestID: "verify-proof",
	}
	_, err := i.run(r.Append(nil), func(request []byte) ([]byte, guest.Status) { return nil, i.dispatcher.VerifyProof(request) })
	return err
}

// HandleHTTP plays the external system at a URL, or at all URLs below one that
// ends in a slash; a later handler outranks an earlier one. What no handler is
// for is not granted, wasmabi.EPERM.
func (i *Instance) HandleHTTP(url string, handle Handler) {
	i.fake.routes = append([]route{{url: url, handle: handle}}, i.fake.routes...)
}

// SetSecret stores a secret that is granted to the service; nil removes it.
func (i *Instance) SetSecret(name string, value []byte) {
	if value == nil {
		delete(i.fake.secrets, name)
		return
	}
	i.fake.secrets[name] = value
}

// Conflict makes the next operation lose a race: it runs, its writes are
// dropped, and it runs again.
func (i *Instance) Conflict() { i.conflict = true }

// SetTime sets the clock.
func (i *Instance) SetTime(t time.Time) { i.fake.now = t }

// SetDeadline sets how much time each call has left; the default is 250 ms.
func (i *Instance) SetDeadline(d time.Duration) { i.fake.deadline = d }

// SetRandom sets what randomness looks like: fill is called instead of it.
func (i *Instance) SetRandom(fill func(p []byte)) { i.fake.random = fill }

// State returns a copy of what the service has stored.
func (i *Instance) State() map[string]string { return maps.Clone(i.fake.state) }

// Record is one record of the log.
type Record struct {
	Level wasmabi.Level
	Text  string
}

// Log returns the records of the last operation.
func (i *Instance) Log() []Record { return i.fake.log }

// run plays one operation.
func (i *Instance) run(request []byte, operation func([]byte) ([]byte, guest.Status)) ([]byte, error) {
	if i.conflict {
		i.conflict = false
		i.fake.begin(maps.Clone(i.fake.state))
		_, _ = operation(append([]byte(nil), request...))
	}
	i.fake.begin(maps.Clone(i.fake.state))
	answer, status := operation(request)
	if err := i.fake.result(status); err != nil {
		return nil, err
	}
	i.fake.state = i.fake.draft
	return answer, nil
}

// checked reads an answer as the engine does.
func checked(answer []byte, id string) (guest.Credentials, error) {
	var c guest.Credentials
	if err := c.Decode(append([]byte(nil), answer...)); err != nil {
		return c, errors.New("the contract is broken: " + err.Error())
	}
	switch {
	case c.ID != id:
		return c, errors.New("the contract is broken: the answer is for " + c.ID + ", and " + id + " was asked for")
	case c.Status == wasmabi.Unspecified:
		return c, errors.New("the contract is broken: the answer has no status")
	}
	return c, nil
}
