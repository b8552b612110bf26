//go:build linux

package robustness

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(memberEnv) != "":
		serveMember()
	case os.Getenv(diskEnv) != "":
		os.Exit(tryDisk())
	default:
		goleak.VerifyTestMain(m)
	}
}
