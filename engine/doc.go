// Package engine is the domain of Credence: which endpoints may connect to
// which application, and who decides.
//
// It holds the nouns (application, credentials, registration, service,
// module, user), the verbs (provision, verify, revoke, deploy), the errors,
// and two contracts that other packages implement: [Store], where all state
// lives, and [CredentialsService], which decides about the credentials of an
// application's endpoints. Built-in services and WebAssembly modules come
// through the same door, and the engine trusts neither: it checks each answer
// as it would check a reply from the network, and its own record of a
// revocation outranks every service.
//
// The package imports nothing else of this project; every other package
// points here.
package engine
