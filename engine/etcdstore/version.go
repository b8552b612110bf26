package etcdstore

import (
	"fmt"

	"github.com/coreos/go-semver/semver"
)

// The oldest servers that are accepted. Earlier ones could answer a
// linearizable read with an old state after the process had been paused.
var (
	oldest35 = semver.Version{Major: 3, Minor: 5, Patch: 28}
	oldest36 = semver.Version{Major: 3, Minor: 6, Patch: 9}
)

// checkVersion refuses a server that is too old to be trusted, or unknown.
func checkVersion(text string) error {
	v, err := semver.NewVersion(text)
	if err != nil {
		return fmt.Errorf("its version %q cannot be read: %w", text, err)
	}
	oldest := oldest35
	if v.Major == 3 && v.Minor == 6 {
		oldest = oldest36
	}
	if v.LessThan(oldest) {
		return fmt.Errorf("its version %s can answer with old state after a pause: upgrade it to %s or %s, or later", v, oldest35, oldest36)
	}
	return nil
}
