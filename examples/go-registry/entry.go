package main

import (
	"encoding/json"
	"time"

	"github.com/credence-engine/credence/wasmabi/guest"
)

// entry is what the registry said about a device, and when.
type entry struct {
	State      string    `json:"state"`
	ValidUntil time.Time `json:"validUntil,omitzero"`
	At         time.Time `json:"at"`
}

// credentials are those of the device. What is not active is revoked, whatever
// the registry calls it. It is the engine that compares the date.
func (e entry) credentials(id string) guest.Credentials {
	c := guest.Credentials{ID: id, Status: guest.Revoked}
	if e.State == "active" {
		c.Status = guest.Available
	}
	if !e.ValidUntil.IsZero() {
		c.ExpiresUnix = uint64(max(1, e.ValidUntil.Unix()))
	}
	return c
}

func load(kv guest.KV, id string) (e entry, found bool, err error) {
	value, found, err := kv.Get(id)
	if err != nil || !found {
		return e, false, err
	}
	return e, true, json.Unmarshal(value, &e)
}

func (e entry) save(kv guest.KV, id string) error {
	value, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return kv.Put(id, value)
}
