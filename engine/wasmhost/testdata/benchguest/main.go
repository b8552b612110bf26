// Command benchguest is the service of the benchmarks, in Go: it knows every
// id, with a body of 290 bytes.
package main

import (
	"bytes"

	"github.com/credence-engine/credence/wasmabi/guest"
)

var body = bytes.Repeat([]byte("0123456789"), 29)

type service struct{}

func init() { guest.Register(service{}) }

func main() {}

// Lookup implements guest.Service.
func (service) Lookup(_ *guest.Call, id string) (guest.Credentials, error) {
	return guest.Credentials{ID: id, Body: body, Status: guest.Available}, nil
}
