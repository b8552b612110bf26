package etcdstore

import (
	"strings"

	"github.com/credence-engine/credence/engine"
)

// maxPrefixBytes keeps the prefix of every key of the largest commit, 241 of
// them, far below the 0.5 MiB that lie between engine.MaxCommitBytes and the
// size of a request that etcd accepts by default.
const maxPrefixBytes = 256

func invalid(format string, args ...any) error {
	return engine.Errorf(engine.CodeInvalid, format, args...)
}

func checkConsistency(c engine.Consistency) error {
	if c.Mode > engine.ModeAsOf {
		return invalid("a read asks for the unknown mode %d", c.Mode)
	}
	if c.Mode == engine.ModeAsOf && c.Revision < 1 {
		return invalid("there is no state as of revision %d: pass one that an earlier read returned", c.Revision)
	}
	return nil
}

func checkKey(key string) error {
	if key == "" {
		return invalid("an empty key cannot be read or written")
	}
	if len(key) > engine.MaxKeyBytes {
		return invalid("the key that begins with %.32q has %d bytes; at most %d are allowed", key, len(key), engine.MaxKeyBytes)
	}
	return nil
}

func checkRead(c engine.Consistency, keys []string) error {
	if len(keys) > engine.MaxCommitChecks {
		return invalid("one read asks for %d keys; at most %d are allowed", len(keys), engine.MaxCommitChecks)
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
		return invalid("a page of %d records cannot be listed; the limit is between 1 and %d", r.Limit, engine.MaxListLimit)
	}
	if len(r.Prefixes) == 0 {
		return invalid("a listing has no prefix; the empty prefix stands for all keys")
	}
	for i, prefix := range r.Prefixes {
		if len(prefix) > engine.MaxKeyBytes {
			return invalid("the prefix that begins with %.32q has %d bytes; at most %d are allowed", prefix, len(prefix), engine.MaxKeyBytes)
		}
		if i == 0 {
			continue
		}
		if before := r.Prefixes[i-1]; prefix <= before || strings.HasPrefix(prefix, before) {
			return invalid("the prefixes of a listing must be disjoint and in ascending order; %.32q comes after %.32q", prefix, before)
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
	seen := make(map[string]bool, len(c.Writes))
	for _, w := range c.Writes {
		if err := checkKey(w.Key); err != nil {
			return err
		}
		if _, twice := seen[w.Key]; twice {
			return invalid("one commit writes the key that begins with %.32q twice", w.Key)
		}
		seen[w.Key] = !w.Delete
		size += len(w.Key) + len(w.Value)
	}
	if size > engine.MaxCommitBytes {
		return invalid("the keys and values of one commit have %d bytes; at most %d are allowed", size, engine.MaxCommitBytes)
	}
	if c.Marker != "" && !seen[c.Marker] {
		return invalid("the marker that begins with %.32q must be among the keys that its commit puts", c.Marker)
	}
	return nil
}
