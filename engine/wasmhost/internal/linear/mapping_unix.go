//go:build unix

package linear

import "golang.org/x/sys/unix"

// reserve returns addresses that cannot be used yet.
func reserve(size uint64) ([]byte, error) {
	return unix.Mmap(-1, 0, int(max(size, 1)), unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE)
}

// commit makes addresses usable. They read as zeros.
func commit(part []byte) error {
	return unix.Mprotect(part, unix.PROT_READ|unix.PROT_WRITE)
}

func release(all []byte) {
	if all != nil {
		_ = unix.Munmap(all) // what was mapped can be unmapped
	}
}
