// Package main is a credentials service for credentials that are valid only
// between two dates, with days of grace after the second for devices that are
// connected already.
//
// See README.md for how to build, deploy and try it.
package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/credence-engine/credence/wasmabi/guest"
)

// service keeps one value in kv for each credentials, under their id; see
// record. The body is kept by the engine.
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

// Lookup implements guest.Service: it refuses outside of the window.
func (s *service) Lookup(c *guest.Call, id string) (guest.Credentials, error) {
	r, err := load(c.KV(), id)
	if err != nil {
		return guest.Credentials{}, err
	}
	if r.status == guest.Revoked { // says more than a date
		return guest.Credentials{ID: id, Status: guest.Revoked}, nil
	}
	w, now, err := s.window(c, r)
	if err != nil {
		return guest.Credentials{}, err
	}
	end := w.notAfter.Add(s.config.grace)
	switch {
	case now.Before(w.notBefore):
		return guest.Credentials{}, guest.Refuse("valid only from " + show(w.notBefore) + " on, now is " + show(now))
	case !now.Before(end):
		return guest.Credentials{}, guest.Refuse("valid only until " + show(w.notAfter) + s.graceText(end) + ", now is " + show(now))
	case !now.Before(w.notAfter):
		c.Log().Warn(id + " ended on " + show(w.notAfter) + " and is in its days of grace until " + show(end))
	}
	return guest.Credentials{ID: id, Status: r.status, ExpiresUnix: uint64(end.Unix())}, nil
}

// Provide implements guest.Provider. A body that is a JSON object with a
// window overrides the configuration; any other body is a key or certificate.
func (s *service) Provide(c *guest.Call, in guest.Credentials) (guest.Credentials, error) {
	own, err := parseBody(in.Body)
	if err != nil {
		return in, guest.Fail(guest.InvalidArgument, err.Error())
	}
	if err := s.config.window.with(own).check(); err != nil {
		return in, guest.Fail(guest.InvalidArgument, err.Error())
	}
	r := record{status: guest.Available, own: own}
	old, err := load(c.KV(), in.ID)
	switch {
	case err == nil && old.status == guest.Revoked:
		return in, guest.Fail(guest.FailedPrecondition, "these credentials were revoked, which is final")
	case err == nil:
		r.status = old.status
	case !errors.Is(err, guest.ErrNotFound):
		return in, err
	}
	in.Status = guest.Available
	return in, r.save(c.KV(), in.ID)
}

// MarkInUse implements guest.InUseMarker: the days of grace are for devices
// that were connected before, not for new ones.
func (s *service) MarkInUse(c *guest.Call, id string) error {
	r, err := load(c.KV(), id)
	if err != nil {
		return err
	}
	w, now, err := s.window(c, r)
	switch {
	case err != nil:
		return err
	case r.status == guest.Revoked:
		return guest.Refuse("these credentials were revoked")
	case r.status == guest.InUse:
		return nil
	case now.Before(w.notBefore):
		return guest.Refuse("valid only from " + show(w.notBefore) + " on, now is " + show(now))
	case !now.Before(w.notAfter):
		return guest.Refuse("a first connection was possible until " + show(w.notAfter) + ", now is " + show(now))
	}
	r.status = guest.InUse
	return r.save(c.KV(), id)
}

// MarkRevoked implements guest.RevokedMarker.
func (s *service) MarkRevoked(c *guest.Call, id string) error {
	r, err := load(c.KV(), id)
	if errors.Is(err, guest.ErrNotFound) {
		return nil // nothing to refuse later
	}
	if err != nil {
		return err
	}
	r.status = guest.Revoked
	return r.save(c.KV(), id)
}

// window returns the window that applies to a record, and the time. A record
// without one is refused: it was provisioned under defaults that are gone.
func (s *service) window(c *guest.Call, r record) (window, time.Time, error) {
	w := s.config.window.with(r.own)
	if err := w.check(); err != nil {
		return w, time.Time{}, guest.Refuse(err.Error())
	}
	now, err := c.Now()
	return w, now, err
}

func (s *service) graceText(end time.Time) string {
	if s.config.grace == 0 {
		return ""
	}
	return fmt.Sprintf(" and, with %d days of grace, until %s", s.config.grace/day, show(end))
}
