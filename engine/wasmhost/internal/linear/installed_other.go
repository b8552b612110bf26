//go:build !linux

package linear

// Installed returns the bytes of memory that a machine is assumed to have
// where the system is not asked.
func Installed() int64 { return assumed }
