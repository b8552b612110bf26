package linear

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// limitFiles hold the limit of a container, of either version of cgroups.
var limitFiles = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// Installed returns the bytes of memory that this machine or container has.
func Installed() int64 {
	installed := int64(assumed)
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		installed = int64(uint64(info.Totalram) * uint64(info.Unit)) //nolint:unconvert // narrower on some systems
	}
	for _, name := range limitFiles {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && limit > 0 {
			installed = min(installed, limit) // "max" is none
		}
	}
	return installed
}
