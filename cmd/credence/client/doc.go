// Package client speaks the REST API of a Credence server, version 1.
//
// A [Client] has one method for each route that the commands use. An answer
// carries both the typed value, for people, and the server's own JSON, for
// programs, so that a field which this client does not know yet is not lost on
// the way. A refusal is an [*Error] with the server's code and request id.
// Requests are sent once: repeating one is the caller's decision.
package client
