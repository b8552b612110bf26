//go:build !wasip1

package wasmabi

import "embed"

// Sources holds the sources that authors of modules build with, as they lie below
// this folder: this package with guest for Go, guest-rust and guest-c. The command that
// begins a new project copies them there, so that the program is all that it
// takes. Guests are built without it.
//
//go:embed *.go guest/*.go guest/guesttest/*.go guest/internal guest-rust/src guest-rust/*.sh guest-rust/Cargo.toml guest-c/credence.h
var Sources embed.FS
