// Package wasmabi is the contract cred_v1 between the engine and a
// credentials service compiled to WebAssembly: the names of what a module
// exports and may import, the numbers that cross the boundary, the limits, and
// the codec of the messages.
//
// Both sides compile this package, the host for its own platform and a guest
// in Go for wasip1, so it imports the standard library only and little of
// that. ABI.md is the specification for authors in any language,
// credentials.proto that of the messages, and testdata/vectors.json holds
// messages that every implementation has to read and to refuse.
//
// # Messages
//
// A message is encoded by appending to a slice, which allocates only when the
// slice has to grow, and decoded into a value that may be reused:
//
//   - The encoder writes fields in the order of their numbers and omits those
//     that hold their default (empty, zero, UNSPECIFIED). It does not check:
//     what it is given must keep the limits.
//   - The decoder accepts fields in any order, and defaults that are written
//     out. It refuses everything else that the specification does not allow,
//     with a [*DecodeError]; the message then holds nothing of use.
//   - Bytes fields alias the input and are valid as long as it is unchanged. So
//     are the strings of requests, which a guest reads into memory of its own;
//     the id of an answer, which the host checks and keeps, is a copy.
package wasmabi
