// Package builtin holds the credentials services that every deployment has:
// Trustful and Internal. They implement engine.CredentialsService like any
// WebAssembly module does, and keep no state of their own: what the engine has
// recorded of credentials is all that they decide by.
package builtin

import "github.com/credence-engine/credence/engine"

// Services returns the built-in services by name.
func Services() map[engine.ServiceName]engine.CredentialsService {
	return map[engine.ServiceName]engine.CredentialsService{
		engine.Trustful: trustful{},
		engine.Internal: internal{},
	}
}
