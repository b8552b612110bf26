//go:build !wasip1

package wasmabi

import "embed"

// Sources holds the sources that authors of modules build with, as they lie below
// this folder: this package with guest for Go, guest-rust, guest-c and guest-as. The command that
// begins a new project copies them there, so that the program is all that it
// takes. Guests are built without it.
//
//go:embed *.go guest/*.go guest/guesttest/*.go guest/internal guest-rust/src guest-rust/*.sh guest-rust/Cargo.toml guest-c/credence.h guest-as/assembly guest-as/build.sh guest-as/package.json guest-as/package-lock.json
var Sources embed.FS
