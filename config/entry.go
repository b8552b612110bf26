package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// entry is one value as somebody wrote it.
type entry struct {
	key    string // leaf key
	source string // where it was written, for messages
	raw    any
}

// value gives the entry the type of its key. The error says what was expected,
// and shows the value unless it is a secret.
func (e entry) value() (any, error) {
	t := known.keys[e.key]
	v, err := parse(t, e.raw)
	if err != nil {
		return nil, refuse(e.key, e.raw, e.source, err.Error())
	}
	return v, nil
}

func parse(t reflect.Type, raw any) (any, error) {
	switch {
	case raw == nil:
		return nil, errors.New("has no value; write one, or remove the key")
	case t == secretType:
		s, err := parseText(raw)
		return Secret(s), err
	case t == durationType:
		return parseDuration(raw)
	case t.Kind() == reflect.String:
		return parseText(raw)
	case t.Kind() == reflect.Slice:
		return parseList(raw)
	case t.Kind() == reflect.Bool:
		return parseBool(raw)
	default:
		return parseInteger(raw, t.Bits())
	}
}

func parseText(raw any) (string, error) {
	s, ok := raw.(string)
	if !ok {
		return "", errors.New("must be text; put it in quotes")
	}
	return s, nil
}

func parseBool(raw any) (bool, error) {
	switch raw {
	case true, "true":
		return true, nil
	case false, "false":
		return false, nil
	}
	return false, errors.New("must be true or false")
}

func parseDuration(raw any) (time.Duration, error) {
	if s, ok := raw.(string); ok {
		if d, err := time.ParseDuration(s); err == nil {
			return d, nil
		}
	}
	return 0, errors.New("must be a time with its unit, such as 250ms, 10s or 1m")
}

func parseInteger(raw any, bits int) (int64, error) {
	switch raw.(type) {
	case string, int, int64, uint64:
		if n, err := strconv.ParseInt(fmt.Sprint(raw), 10, bits); err == nil {
			return n, nil
		}
	}
	return 0, errors.New("must be a whole number, in digits only")
}

// parseList takes a list of texts, or one text with commas between the items.
func parseList(raw any) ([]string, error) {
	items := []string{}
	switch raw := raw.(type) {
	case string:
		if strings.TrimSpace(raw) == "" {
			return items, nil
		}
		items = strings.Split(raw, ",")
	case []string:
		items = append(items, raw...)
	case []any:
		for _, item := range raw {
			s, ok := item.(string)
			if !ok {
				return nil, errors.New("must be a list of texts")
			}
			items = append(items, s)
		}
	default:
		return nil, errors.New("must be a list of texts, or one text with commas between the items")
	}
	for i, item := range items {
		items[i] = strings.TrimSpace(item)
	}
	return items, nil
}

// refuse is the one form of all messages about a value.
func refuse(key string, value any, source, why string) error {
	if value == nil || known.secret(key) {
		return fmt.Errorf("%s (%s): %s", key, source, why)
	}
	return fmt.Errorf("%s (%s): %q: %s", key, source, shown(value), why)
}

// shown is a value in a message: never longer than a line.
func shown(value any) string {
	const limit = 100
	text := fmt.Sprint(value)
	if len(text) > limit {
		return strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}
