// Package guest is the SDK for writing a credentials service in Go, compiled
// with the standard toolchain (GOOS=wasip1 -buildmode=c-shared) to a module
// that the engine runs in its sandbox.
//
// A service is a type with a Lookup method, registered from init:
//
//	type service struct{}
//
//	func (service) Lookup(c *guest.Call, id string) (guest.Credentials, error) {
//		if !strings.HasPrefix(id, "SN-") {
//			return guest.Credentials{}, guest.ErrNotFound
//		}
//		return guest.Credentials{ID: id, Status: guest.Available}, nil
//	}
//
//	func init() { guest.Register(service{}) }
//
//	func main() {} // never runs
//
// The interfaces [Provider], [InUseMarker], [RevokedMarker], [ProofVerifier] and
// [Configurer] add the other operations; one that a service does not have is
// answered with UNSUPPORTED. A method has its [Call] for everything that the
// engine offers: state, log, configuration, clock, randomness, external systems
// over HTTP, secrets and cryptography.
//
// The same code runs natively under go test, see package guesttest. README.md
// leads from nothing to a deployed service, and the contract underneath is
// specified in package wasmabi.
//
// # State
//
// Instances come and go and run on several nodes, so state belongs in
// [Call.KV]; what a service keeps in its own variables is a cache at best. What
// a method writes commits with the engine's own records or not at all. A
// conflict runs the method again: apart from kv it must have no effect, or one
// that does no harm twice.
//
// # Failing
//
// A method refuses by returning an error made with [Refuse] or [Fail]. The
// text of any other error is reported with the status INTERNAL. A panic ends
// the instance, and the engine treats it as a fault of the module: it never
// lets an endpoint in.
package guest
