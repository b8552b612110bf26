// Package main is a service that uses nothing but the core.
package main

import (
	"strings"

	"github.com/credence-engine/credence/wasmabi/guest"
)

type service struct{}

func (service) Lookup(_ *guest.Call, id string) (guest.Credentials, error) {
	if !strings.HasPrefix(id, "SN-") {
		return guest.Credentials{}, guest.ErrNotFound
	}
	return guest.Credentials{ID: id, Status: guest.Available}, nil
}

func init() { guest.Register(service{}) }

func main() {}
