package main

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/credence-engine/credence/wasmabi/guest"
)

// errUnknown says that the registry knows no such device.
var errUnknown = errors.New("the registry knows no such device")

// ask returns what the registry says about a device now. Any other error than
// errUnknown means that it has said nothing that could be relied on.
func (s *service) ask(c *guest.Call, id string) (entry, error) {
	r := guest.Request{
		URL:     s.config.url + id,
		Headers: []guest.Header{{Name: "accept", Value: "application/json"}},
		Timeout: s.config.timeout,
	}
	if s.config.secret != "" {
		r.Headers = append(r.Headers, guest.Header{Name: "authorization", Value: "Bearer ", Secret: s.config.secret})
	}
	answer, err := c.HTTP().Do(r)
	if err != nil {
		return entry{}, errors.New("the registry cannot be asked: " + err.Error())
	}
	switch answer.Status {
	case 200:
		return read(answer.Body)
	case 404, 410:
		return entry{}, errUnknown
	case 401, 403:
		c.Log().Error("the registry refuses the token: is the secret " + s.config.secret + " still good?")
	}
	return entry{}, errors.New("the registry answers with the status " + strconv.Itoa(answer.Status))
}

// read reads the registry's answer about a device: {"state": "active",
// "validUntil": "2030-01-01T00:00:00Z"}, where validUntil may be left out and
// whatever else there is says nothing to us.
func read(body []byte) (entry, error) {
	var answer struct {
		State      string    `json:"state"`
		ValidUntil time.Time `json:"validUntil"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return entry{}, errors.New("the registry's answer cannot be read: " + err.Error())
	}
	if answer.State == "" {
		return entry{}, errors.New("the registry's answer has no state")
	}
	return entry{State: answer.State, ValidUntil: answer.ValidUntil}, nil
}
