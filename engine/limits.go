package engine

import "strings"

// CheckRead refuses a read that no store takes: too many keys, a malformed one,
// or a consistency that makes no sense. Every store calls it first.
func CheckRead(c Consistency, keys []string) error {
	if len(keys) > MaxCommitChecks {
		return Errorf(CodeInvalid, "one read names %d keys; at most %d are allowed", len(keys), MaxCommitChecks)
	}
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
	}
	return c.check()
}

// Check refuses a listing that no store takes. Every store calls it first.
func (r ListRequest) Check() error {
	if r.Limit < 1 || r.Limit > MaxListLimit {
		return Errorf(CodeInvalid, "a page of %d records cannot be listed; the limit is between 1 and %d", r.Limit, MaxListLimit)
	}
	if len(r.Prefixes) == 0 {
		return Errorf(CodeInvalid, "a listing names no prefix; the empty one stands for all keys")
	}
	for i, prefix := range r.Prefixes {
		if len(prefix) > MaxKeyBytes {
			return Errorf(CodeInvalid, "the prefix that begins with %.32q has %d bytes; at most %d are allowed", prefix, len(prefix), MaxKeyBytes)
		}
		if i == 0 {
			continue
		}
		if before := r.Prefixes[i-1]; prefix <= before || strings.HasPrefix(prefix, before) {
			return Errorf(CodeInvalid, "the prefixes of a listing must be disjoint and in ascending order; %.32q comes after %.32q", prefix, before)
		}
	}
	if r.Consistency.Mode == ModeGuess {
		return Errorf(CodeInvalid, "a listing cannot be guessed")
	}
	return r.Consistency.check()
}

// Check refuses a commit that no store takes. Every store calls it first.
func (c Commit) Check() error {
	if len(c.Checks) > MaxCommitChecks {
		return Errorf(CodeInvalid, "one commit has %d checks; at most %d are allowed", len(c.Checks), MaxCommitChecks)
	}
	if len(c.Writes) > MaxCommitWrites {
		return Errorf(CodeInvalid, "one commit has %d writes; at most %d are allowed", len(c.Writes), MaxCommitWrites)
	}
	size := 0
	for _, check := range c.Checks {
		if err := checkKey(check.Key); err != nil {
			return err
		}
		size += len(check.Key)
	}
	puts := make(map[string]bool, len(c.Writes))
	if c.Stamp.Key != "" {
		puts[c.Stamp.Key] = false
	}
	for _, w := range c.Writes {
		if err := checkKey(w.Key); err != nil {
			return err
		}
		if _, twice := puts[w.Key]; twice {
			return Errorf(CodeInvalid, "one commit writes the key that begins with %.32q twice", w.Key)
		}
		puts[w.Key] = !w.Delete && !w.Ephemeral
		size += len(w.Key) + len(w.Value)
	}
	if size > MaxCommitBytes {
		return Errorf(CodeInvalid, "the keys and values of one commit have %d bytes; at most %d are allowed", size, MaxCommitBytes)
	}
	if c.Marker != "" && !puts[c.Marker] {
		return Errorf(CodeInvalid, "the marker that begins with %.32q must be among the keys that its commit puts for good", c.Marker)
	}
	return nil
}

func checkKey(key string) error {
	if key == "" {
		return Errorf(CodeInvalid, "an empty key cannot be read or written")
	}
	if len(key) > MaxKeyBytes {
		return Errorf(CodeInvalid, "the key that begins with %.32q has %d bytes; at most %d are allowed", key, len(key), MaxKeyBytes)
	}
	return nil
}

func (c Consistency) check() error {
	if c.Mode > ModeGuess {
		return Errorf(CodeInvalid, "a read asks for the unknown mode %d", c.Mode)
	}
	if c.Mode == ModeAsOf && c.Revision < 1 {
		return Errorf(CodeInvalid, "there is no state as of revision %d: pass one that an earlier read returned", c.Revision)
	}
	return nil
}
