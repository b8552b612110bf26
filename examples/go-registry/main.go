// Package main is a credentials service in front of an external registry: a
// device may connect if the registry, asked over HTTP, says so. Answers are
// kept for a while, and a little longer when the registry does not answer.
//
// See README.md for how to build, deploy and try it.
package main

import (
	"errors"
	"time"

	"github.com/credence-engine/credence/wasmabi/guest"
)

// service keeps the registry's last answer for each device in kv, under the
// device's id; see entry.
type service struct {
	config config
}

func init() {
	guest.Register(&service{})
}

func main() {} // never runs in a module

// Configure implements guest.Configurer.
func (s *service) Configure(text []byte) error {
	fresh, err := parseConfig(text)
	if err != nil {
		return err
	}
	s.config = fresh
	return nil
}

// Lookup implements guest.Service.
func (s *service) Lookup(c *guest.Call, id string) (guest.Credentials, error) {
	if !plain(id) { // no such URL, so no such device
		return guest.Credentials{}, guest.ErrNotFound
	}
	now, err := c.Now()
	if err != nil {
		return guest.Credentials{}, err
	}
	kept, found, err := load(c.KV(), id)
	if err != nil {
		return guest.Credentials{}, err
	}
	if found && now.Before(kept.At.Add(s.config.cache)) {
		return kept.credentials(id), nil
	}
	fresh, err := s.ask(c, id)
	switch {
	case err == nil:
		fresh.At = now
		return fresh.credentials(id), fresh.save(c.KV(), id)
	case errors.Is(err, errUnknown) && !found:
		return guest.Credentials{}, guest.ErrNotFound
	case errors.Is(err, errUnknown):
		// Written down, so that no older answer comes back when the registry is
		// away. That takes an answer: what a refusal wrote would be dropped.
		gone := entry{State: "removed", At: now}
		return gone.credentials(id), gone.save(c.KV(), id)
	case found && now.Before(kept.At.Add(s.config.cache+s.config.grace)):
		c.Log().Warn("the answer for " + id + " is of " + kept.At.Format(time.RFC3339) + ": " + err.Error())
		return kept.credentials(id), nil
	}
	return guest.Credentials{}, guest.Fail(guest.Unavailable, err.Error())
}

// maxID is the longest id that is asked for.
const maxID = 128

// plain tells whether an id is a segment of a URL as it stands: nothing in it
// could make the request one for another device.
func plain(id string) bool {
	for _, r := range id {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && r != '-' && r != '_' && r != '.' && r != ':' {
			return false
		}
	}
	return id != "." && id != ".." && len(id) <= maxID
}
