package enginetest

import (
	"slices"
	"strings"

	"github.com/credence-engine/credence/engine"
)

func invalid(format string, args ...any) error {
	return engine.Errorf(engine.CodeInvalid, format, args...)
}

func checkConsistency(c engine.Consistency) error {
	switch {
	case c.Mode > engine.ModeAsOf:
		return invalid("the mode of consistency %d is unknown", c.Mode)
	case c.Mode == engine.ModeAsOf && c.Revision <= 0:
		return invalid("a read as of revision %d is impossible: name one that an earlier read returned", c.Revision)
	}
	return nil
}

func checkKey(key string) error {
	switch {
	case key == "":
		return invalid("a key of the store must not be empty")
	case len(key) > engine.MaxKeyBytes:
		return invalid("the key %.32q… has %d bytes; at most %d are allowed", key, len(key), engine.MaxKeyBytes)
	}
	return nil
}

func checkRead(c engine.Consistency, keys []string) error {
	if len(keys) > engine.MaxCommitChecks {
		return invalid("one read names %d keys; at most %d are allowed", len(keys), engine.MaxCommitChecks)
	}
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
	}
	return checkConsistency(c)
}

func checkList(r engine.ListRequest) error {
	if r.Limit < 1 || r.Limit > engine.MaxListLimit {
		return invalid("the limit of a page is %d; it must be between 1 and %d", r.Limit, engine.MaxListLimit)
	}
	if len(r.Prefixes) == 0 {
		return invalid("a listing names no prefix; the empty one stands for all keys")
	}
	for i, prefix := range r.Prefixes {
		if len(prefix) > engine.MaxKeyBytes {
			return invalid("a prefix has %d bytes; at most %d are allowed", len(prefix), engine.MaxKeyBytes)
		}
		if i > 0 && (prefix <= r.Prefixes[i-1] || strings.HasPrefix(prefix, r.Prefixes[i-1])) {
			return invalid("the prefixes of a listing must be disjoint and in ascending order: %.32q follows %.32q", prefix, r.Prefixes[i-1])
		}
	}
	return checkConsistency(r.Consistency)
}

func checkCommit(c engine.Commit) error {
	if len(c.Checks) > engine.MaxCommitChecks {
		return invalid("one commit has %d checks; at most %d are allowed", len(c.Checks), engine.MaxCommitChecks)
	}
	if len(c.Writes) > engine.MaxCommitWrites {
		return invalid("one commit has %d writes; at most %d are allowed", len(c.Writes), engine.MaxCommitWrites)
	}
	size := 0
	for _, check := range c.Checks {
		if err := checkKey(check.Key); err != nil {
			return err
		}
		size += len(check.Key)
	}
	written := make([]string, len(c.Writes))
	marked := c.Marker == ""
	for i, w := range c.Writes {
		if err := checkKey(w.Key); err != nil {
			return err
		}
		size += len(w.Key) + len(w.Value)
		written[i] = w.Key
		marked = marked || (w.Key == c.Marker && !w.Delete)
	}
	if size > engine.MaxCommitBytes {
		return invalid("one commit has %d bytes of keys and values; at most %d are allowed", size, engine.MaxCommitBytes)
	}
	if !marked {
		return invalid("the marker %.32q of a commit is not among the keys that it puts", c.Marker)
	}
	slices.Sort(written)
	for i := 1; i < len(written); i++ {
		if written[i] == written[i-1] {
			return invalid("one commit writes the key %.32q twice", written[i])
		}
	}
	return nil
}
