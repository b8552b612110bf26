// Package main is a credentials service for devices that are admitted by
// serial number: an operator provisions ranges of serials, each with a quota
// of first connections.
//
//	range:SN-001000..SN-001999   {"quota": 50}
//
// See README.md for how to build, deploy and try it.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/credence-engine/credence/wasmabi/guest"
)

// service keeps all of its state in kv:
//
//	ranges/<prefix>/<digits>  every range of one series, see ranges
//	used/<range>              how many serials of it have connected
//	serial/<serial>           "used" or "revoked", once either has happened
//
// A lookup takes two gets and no scan, because a scan conflicts with any
// change of the state, and here each first connection changes it.
type service struct {
	config config
}

type config struct {
	// DefaultQuota is for ranges that are provisioned without one.
	DefaultQuota uint32 `json:"defaultQuota"`
	// MaxRange is the most serials that one range may hold.
	MaxRange uint64 `json:"maxRange"`
}

const (
	stateUsed    = "used"
	stateRevoked = "revoked"
)

func init() {
	guest.Register(newService())
}

func newService() *service {
	return &service{config: config{DefaultQuota: 100, MaxRange: 100_000}}
}

func main() {} // never runs in a module

// Configure implements guest.Configurer.
func (s *service) Configure(text []byte) error {
	fresh := newService().config
	if err := strictJSON(text, &fresh); err != nil {
		return fmt.Errorf("the configuration is not as expected: %w; example: {\"defaultQuota\": 50, \"maxRange\": 10000}", err)
	}
	if fresh.MaxRange == 0 {
		return errors.New("maxRange is 0, so no range could be provisioned: give 1 or more")
	}
	s.config = fresh
	return nil
}

// Lookup implements guest.Service.
func (*service) Lookup(c *guest.Call, id string) (guest.Credentials, error) {
	answer := guest.Credentials{ID: id, Status: guest.Available}
	if name, ok := rangeName(id); ok {
		r, err := find(c, name)
		if err == nil && r.revoked {
			answer.Status = guest.Revoked
		}
		return answer, err
	}
	r, state, err := serial(c, id)
	switch {
	case err != nil:
		return guest.Credentials{}, err
	case state == stateRevoked:
		answer.Status = guest.Revoked
	case r.revoked:
		return guest.Credentials{}, guest.Refuse("the range " + r.name() + " was revoked, and " + id + " is in it")
	case state == stateUsed:
		answer.Status = guest.InUse
	}
	return answer, nil
}

// Provide implements guest.Provider: it adds a range or changes its quota.
func (s *service) Provide(c *guest.Call, in guest.Credentials) (guest.Credentials, error) {
	name, ok := rangeName(in.ID)
	if !ok {
		return in, guest.Fail(guest.InvalidArgument, "serials are admitted by range: provision an id like range:SN-001000..SN-001999")
	}
	r, err := parseRange(name)
	if err != nil {
		return in, guest.Fail(guest.InvalidArgument, err.Error())
	}
	if r.last-r.first >= s.config.MaxRange {
		return in, guest.Fail(guest.InvalidArgument, fmt.Sprintf("the range has %d serials: at most %d are configured (maxRange)", r.last-r.first+1, s.config.MaxRange))
	}
	if r.quota, err = s.quota(in.Body); err != nil {
		return in, guest.Fail(guest.InvalidArgument, err.Error())
	}
	all, err := load(c.KV(), r.series)
	if err != nil {
		return in, err
	}
	if all, err = all.with(r); err != nil {
		return in, err
	}
	in.Status = guest.Available
	return in, all.save(c.KV(), r.series)
}

func (s *service) quota(body []byte) (uint32, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return s.config.DefaultQuota, nil
	}
	var given struct {
		Quota *uint32 `json:"quota"`
	}
	if err := strictJSON(body, &given); err != nil {
		return 0, fmt.Errorf("the body of a range is not as expected: %w; example: {\"quota\": 50}", err)
	}
	if given.Quota == nil {
		return s.config.DefaultQuota, nil
	}
	return *given.Quota, nil
}

// MarkInUse implements guest.InUseMarker: a first connection counts against
// the quota of its range. The engine may run it again after a conflict; what
// the first run wrote is gone by then, so each serial counts once.
func (*service) MarkInUse(c *guest.Call, id string) error {
	if _, ok := rangeName(id); ok {
		return guest.Refuse("a range is no device: connect with a serial number")
	}
	r, state, err := serial(c, id)
	switch {
	case err != nil:
		return err
	case state == stateRevoked:
		return guest.Refuse("the serial " + id + " was revoked")
	case r.revoked:
		return guest.Refuse("the range " + r.name() + " was revoked, and " + id + " is in it")
	case state == stateUsed:
		return nil
	}
	count, err := used(c, r)
	if err != nil {
		return err
	}
	if count >= uint64(r.quota) {
		return guest.Refuse(fmt.Sprintf("the range %s has used up its quota of %d first connections: provision it again with a higher one", r.name(), r.quota))
	}
	if err := c.KV().Put("used/"+r.name(), strconv.AppendUint(nil, count+1, 10)); err != nil {
		return err
	}
	c.Log().Info(fmt.Sprintf("%s connects for the first time: %d of %d in %s", id, count+1, r.quota, r.name()))
	return c.KV().Put("serial/"+id, []byte(stateUsed))
}

// MarkRevoked implements guest.RevokedMarker, for a serial and for a range.
func (*service) MarkRevoked(c *guest.Call, id string) error {
	name, ok := rangeName(id)
	if !ok {
		if _, _, err := parseSerial(id); err != nil {
			return nil //nolint:nilerr // never admitted
		}
		return c.KV().Put("serial/"+id, []byte(stateRevoked))
	}
	r, err := parseRange(name)
	if err != nil {
		return nil //nolint:nilerr // never provisioned
	}
	all, err := load(c.KV(), r.series)
	if err != nil || !all.revoke(r) {
		return err
	}
	return all.save(c.KV(), r.series)
}

// find returns a range by its name.
func find(c *guest.Call, name string) (batch, error) {
	want, err := parseRange(name)
	if err != nil {
		return batch{}, guest.ErrNotFound
	}
	all, err := load(c.KV(), want.series)
	if err != nil {
		return batch{}, err
	}
	if r, ok := all.holding(want.series, want.first); ok && r.name() == name {
		return r, nil
	}
	return batch{}, guest.ErrNotFound
}

// serial returns the range that holds a serial, and the serial's own state.
func serial(c *guest.Call, id string) (batch, string, error) {
	in, number, err := parseSerial(id)
	if err != nil {
		return batch{}, "", guest.ErrNotFound
	}
	all, err := load(c.KV(), in)
	if err != nil {
		return batch{}, "", err
	}
	r, ok := all.holding(in, number)
	if !ok {
		return batch{}, "", guest.ErrNotFound
	}
	state, _, err := c.KV().Get("serial/" + id)
	return r, string(state), err
}

func used(c *guest.Call, r batch) (uint64, error) {
	text, found, err := c.KV().Get("used/" + r.name())
	if err != nil || !found {
		return 0, err
	}
	return strconv.ParseUint(string(text), 10, 64)
}

// strictJSON refuses unknown members and anything after the value.
func strictJSON(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is something after the JSON value")
	}
	return nil
}
