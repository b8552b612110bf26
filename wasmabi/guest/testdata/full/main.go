// Package main is a service with every operation but verify_proof, with state,
// clock and randomness.
package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/credence-engine/credence/wasmabi/guest"
)

// year2100 is when what this service holds expires, or an hour from now if that
// is later: the same answer, asked twice, is the same.
const year2100 = 4_102_444_800

type service struct{ prefix string }

func (s *service) Configure(config []byte) error {
	return json.Unmarshal(config, &struct{ Prefix *string }{&s.prefix})
}

func (s *service) Lookup(c *guest.Call, id string) (guest.Credentials, error) {
	body, found, err := c.KV().Get(s.prefix + id)
	if err != nil {
		return guest.Credentials{}, err
	}
	if !found {
		return guest.Credentials{}, guest.ErrNotFound
	}
	now, err := c.Now()
	if err != nil {
		return guest.Credentials{}, err
	}
	return guest.Credentials{ID: id, Body: body, Status: guest.Available, ExpiresUnix: uint64(max(year2100, now.Add(time.Hour).Unix()))}, nil
}

func (s *service) Provide(c *guest.Call, in guest.Credentials) (guest.Credentials, error) {
	if c.Deadline() < time.Millisecond {
		return in, guest.Fail(guest.Unavailable, "no time left")
	}
	if c.Log().DebugEnabled() {
		c.Log().Debug(fmt.Sprintf("provide %q", in.ID))
	}
	return in, c.KV().Put(s.prefix+in.ID, in.Body)
}

func (s *service) MarkInUse(c *guest.Call, id string) error {
	nonce := make([]byte, 8)
	if err := c.Random(nonce); err != nil {
		return err
	}
	quota, _ := c.Config("/quota")
	return c.KV().Put("used/"+id, append(nonce, quota...))
}

func (s *service) MarkRevoked(c *guest.Call, id string) error {
	for e, err := range c.KV().Scan("used/", "") {
		if err != nil {
			return err
		}
		if e.Key == "used/"+id {
			return c.KV().Delete(e.Key)
		}
	}
	return nil
}

func init() { guest.Register(&service{}) }

func main() {}
