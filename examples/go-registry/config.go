package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// config is the service's configuration.
type config struct {
	url     string // ends in a slash
	secret  string // empty: the registry wants none
	cache   time.Duration
	grace   time.Duration
	timeout time.Duration
}

func parseConfig(text []byte) (config, error) {
	given := struct {
		URL          string
		Secret       string
		CacheSeconds int64
		GraceSeconds int64
		TimeoutMs    int64
	}{CacheSeconds: 300, GraceSeconds: 86400, TimeoutMs: 150}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&given); err != nil {
		return config{}, fmt.Errorf("the configuration cannot be read: %w", err)
	}
	for _, n := range []struct {
		name        string
		value       int64
		least, most int64
	}{
		{"cacheSeconds", given.CacheSeconds, 0, 86400},
		{"graceSeconds", given.GraceSeconds, 0, 30 * 86400},
		{"timeoutMs", given.TimeoutMs, 10, 200}, // of a lookup's 250
	} {
		if n.value < n.least || n.value > n.most {
			return config{}, fmt.Errorf("%s is %d: give %d to %d", n.name, n.value, n.least, n.most)
		}
	}
	if !strings.HasPrefix(given.URL, "https://") && !strings.HasPrefix(given.URL, "http://") || !strings.HasSuffix(given.URL, "/") {
		return config{}, errors.New("url is missing, or not the whole address of a folder: give one like https://registry.example.com/devices/, as in the manifest and the grants")
	}
	return config{
		url: given.URL, secret: given.Secret,
		cache: time.Duration(given.CacheSeconds) * time.Second,
		grace: time.Duration(given.GraceSeconds) * time.Second, timeout: time.Duration(given.TimeoutMs) * time.Millisecond,
	}, nil
}
