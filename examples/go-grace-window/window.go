package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

const day = 24 * time.Hour

// maxGraceDays is ten years: more is a mistake.
const maxGraceDays = 3650

// config is the service's configuration.
type config struct {
	window window // for credentials that do not bring their own
	grace  time.Duration
}

// window is a span of time, from notBefore on and up to notAfter. A zero time
// is not set.
type window struct {
	notBefore, notAfter time.Time
}

// with lays other over w.
func (w window) with(other window) window {
	if !other.notBefore.IsZero() {
		w.notBefore = other.notBefore
	}
	if !other.notAfter.IsZero() {
		w.notAfter = other.notAfter
	}
	return w
}

// check returns an error unless both ends are set and in order.
func (w window) check() error {
	switch {
	case w.notBefore.IsZero() || w.notAfter.IsZero():
		return errors.New(`the credentials have no window: give notBefore and notAfter in the body, like {"notBefore": "2026-01-01T00:00:00Z", "notAfter": "2026-12-31T00:00:00Z"}, or in the service's configuration`)
	case !w.notBefore.Before(w.notAfter):
		return fmt.Errorf("notAfter (%s) must come after notBefore (%s)", show(w.notAfter), show(w.notBefore))
	}
	return nil
}

func show(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// times is a window in JSON.
type times struct {
	NotBefore *time.Time `json:"notBefore"`
	NotAfter  *time.Time `json:"notAfter"`
}

func (t times) window() window {
	return window{notBefore: whole(t.NotBefore), notAfter: whole(t.NotAfter)}
}

// whole drops fractions of a second, which neither the engine nor a record
// keeps.
func whole(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

func parseConfig(text []byte) (config, error) {
	var given struct {
		times
		GraceDays int `json:"graceDays"`
	}
	if err := strictJSON(text, &given); err != nil {
		return config{}, fmt.Errorf(`the configuration is not as expected: %w; example: {"notBefore": "2026-01-01T00:00:00Z", "notAfter": "2026-12-31T00:00:00Z", "graceDays": 7}`, err)
	}
	if given.GraceDays < 0 || given.GraceDays > maxGraceDays {
		return config{}, fmt.Errorf("graceDays is %d: give 0 to %d", given.GraceDays, maxGraceDays)
	}
	c := config{window: given.window(), grace: time.Duration(given.GraceDays) * day}
	if c.window.notBefore.IsZero() || c.window.notAfter.IsZero() {
		return c, nil // each may be left to the credentials
	}
	return c, c.window.check()
}

// parseBody reads the window of one set of credentials.
func parseBody(body []byte) (window, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return window{}, nil
	}
	var given struct {
		times
		// Key is for the author of the body, and not looked at here.
		Key json.RawMessage `json:"key"`
	}
	if err := strictJSON(body, &given); err != nil {
		return window{}, fmt.Errorf(`the body is not as expected: %w; example: {"notBefore": "2026-01-01T00:00:00Z", "notAfter": "2026-12-31T00:00:00Z", "key": "..."}`, err)
	}
	return given.window(), nil
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
