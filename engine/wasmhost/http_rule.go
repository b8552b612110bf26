package wasmhost

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// httpRule allows requests to what is at a URL and below it.
type httpRule struct {
	target
	url          string // as it was written
	methods      []string
	allowPrivate bool // only in grants
}

// maxRules bounds a list of rules.
const maxRules = 32

// readRules reads the member "http" of a manifest or of grants.
func readRules(raw json.RawMessage, grants bool) ([]httpRule, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil || list == nil {
		return nil, errors.New(`the member "http" must be a list of {"url", "methods"}`)
	}
	if len(list) > maxRules {
		return nil, fmt.Errorf(`the member "http" has %d entries: at most %d are allowed`, len(list), maxRules)
	}
	rules := make([]httpRule, len(list))
	for i, raw := range list {
		if err := rules[i].read(raw, grants); err != nil {
			return nil, fmt.Errorf("http/%d: %w", i, err)
		}
	}
	return rules, nil
}

func (r *httpRule) read(raw json.RawMessage, grants bool) error {
	var methods []string
	members := map[string]any{"url": &r.url, "methods": &methods}
	if grants {
		members["allowPrivate"] = &r.allowPrivate
	}
	names, err := readObject(raw, members)
	if err != nil {
		return err
	}
	if r.target, err = readTarget(r.url); err != nil {
		return fmt.Errorf("the url %.100q: %w", r.url, err)
	}
	if r.query != "" {
		return fmt.Errorf("the url %.100q: leave out the query, a rule allows any", r.url)
	}
	r.methods = []string{"GET"}
	if slices.Contains(names, "methods") {
		r.methods = methods
	}
	if len(r.methods) == 0 {
		return errors.New("the methods are empty: name at least one")
	}
	for i, m := range r.methods {
		if err := checkMethod(m); err != nil {
			return err
		}
		if slices.Contains(r.methods[:i], m) {
			return fmt.Errorf("the method %s is there twice", m)
		}
	}
	return nil
}

func checkMethod(m string) error {
	const longest = 32
	switch {
	case m == "" || len(m) > longest || strings.Trim(m, letters[26:]+"-") != "":
		return fmt.Errorf("%.40q is not a method: write it in upper case, such as GET", m)
	case m == "CONNECT" || m == "TRACE":
		return fmt.Errorf("the method %s is not offered", m)
	}
	return nil
}

// covers tells that the rule allows everything at t, and below it if t is a
// rule's.
func (r *httpRule) covers(t target) bool {
	if r.scheme != t.scheme || r.host != t.host || r.port != t.port || !strings.HasPrefix(t.path, r.path) {
		return false
	}
	return len(t.path) == len(r.path) || strings.HasSuffix(r.path, "/") || t.path[len(r.path)] == '/'
}

// allows tells whether a rule covers a request, and whether one that does may
// reach private addresses.
func allows(rules []httpRule, method string, t target) (allowed, private bool) {
	for i := range rules {
		if r := &rules[i]; r.covers(t) && slices.Contains(r.methods, method) {
			allowed, private = true, private || r.allowPrivate
		}
	}
	return allowed, private
}
