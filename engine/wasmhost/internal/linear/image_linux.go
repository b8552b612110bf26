package linear

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// CanRestore says whether memories can be put back on this system.
const CanRestore = true

// image is what a memory is put back to: a file in memory that the frozen
// memory shows privately, so that the kernel copies each page that is written.
type image struct {
	backing bool   // the memory still lies in the file itself
	file    int    // while backing
	saved   []byte // the file as it was when frozen, to be read only
	table   []byte // room for the kernel's table of pages
	usual   int    // pages that the first call wrote, 0 before it
	// shrinking makes the next reallocation shrink to the image's size.
	shrinking bool
}

// NewRestorable is [New] for a memory that can be frozen.
func NewRestorable(b *Budget, s Size) (*Memory, error) {
	file, err := unix.MemfdCreate("linear memory", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making a file in memory: %w", err)
	}
	m := &Memory{budget: b, max: s.Max, image: image{backing: true, file: file}}
	return m, m.open(s)
}

// copying tells that pages which exist now may exist twice later.
func (i *image) copying() bool { return i.backing }

func (i *image) close() {
	if i.backing {
		i.backing = false
		_ = unix.Close(i.file) // nothing was buffered
	}
	if i.saved != nil {
		_ = unix.Munmap(i.saved)
	}
}

func (m *Memory) extend(size uint64) ([]byte, error) {
	if !m.image.backing {
		return m.all, commit(m.all[m.size:size])
	}
	if err := unix.Ftruncate(m.image.file, int64(size)); err != nil {
		return nil, err
	}
	return m.all, m.show(m.size, size, unix.MAP_SHARED)
}

// show puts a part of the file where the memory is.
func (m *Memory) show(from, to uint64, how int) error {
	if from == to {
		return nil
	}
	_, err := unix.MmapPtr(m.image.file, int64(from), m.address(from), uintptr(to-from),
		unix.PROT_READ|unix.PROT_WRITE, how|unix.MAP_FIXED)
	return err
}

// Freeze makes the present content the one that [Memory.Restore] brings back.
// After an error the memory can only be freed.
func (m *Memory) Freeze() error {
	if !m.image.backing {
		return errors.New("the memory cannot be frozen (twice)")
	}
	if m.size > 0 {
		if err := m.show(0, m.size, unix.MAP_PRIVATE); err != nil {
			return err
		}
		var err error
		if m.image.saved, err = unix.Mmap(m.image.file, 0, int(m.size), unix.PROT_READ, unix.MAP_SHARED); err != nil {
			return err
		}
	}
	m.image.backing = false
	m.image.table = make([]byte, m.size/pageBytes*entryBytes)
	return unix.Close(m.image.file) // the mappings keep it
}

// The kernel's table of pages, see pagemap in its documentation.
const (
	entryBytes = 8
	present    = 1 << 63
	swapped    = 1 << 62
	ofFile     = 1 << 61 // not a private copy
)

var pageBytes = uint64(os.Getpagesize())

// pagemap is open as long as the process lives.
var pagemap = sync.OnceValues(func() (int, error) {
	return unix.Open("/proc/self/pagemap", unix.O_RDONLY|unix.O_CLOEXEC, 0)
})

// Restore brings the content and the size of the frozen memory back. After an
// error the memory can only be freed.
func (m *Memory) Restore(g Guest) error {
	frozen := uint64(len(m.image.saved))
	if m.size > frozen {
		if err := m.shrink(g, frozen); err != nil {
			return err
		}
	}
	if frozen == 0 {
		return nil
	}
	file, err := pagemap()
	if err != nil {
		return m.drop()
	}
	if n, err := unix.Pread(file, m.image.table, m.pageNumber()*entryBytes); err != nil || n != len(m.image.table) {
		return m.drop()
	}
	written := 0
	for at := uint64(0); at < frozen; at += pageBytes {
		entry := binary.NativeEndian.Uint64(m.image.table[at/pageBytes*entryBytes:])
		if entry&swapped != 0 || entry&(present|ofFile) == present {
			copy(m.all[at:at+pageBytes], m.image.saved[at:])
			written++
		}
	}
	return m.cool(written)
}

// address of a byte of the memory.
func (m *Memory) address(at uint64) unsafe.Pointer {
	return unsafe.Pointer(&m.all[at]) //nolint:gosec // of a mapping, which does not move
}

// pageNumber of the first page.
func (m *Memory) pageNumber() int64 { return int64(uint64(uintptr(m.address(0))) / pageBytes) }

// spare is how many pages more than usual may stay copied.
const spare = 32

// cool drops the copied pages when there are many that calls do not usually
// write: they would be brought back each time.
func (m *Memory) cool(written int) error {
	if m.image.usual == 0 {
		m.image.usual = written
	}
	if written > 2*m.image.usual+spare {
		return m.drop()
	}
	return nil
}

// drop throws the copied pages away, so that the file shows again.
func (m *Memory) drop() error {
	m.image.usual = 0
	return unix.Madvise(m.all[:len(m.image.saved)], unix.MADV_DONTNEED)
}

// shrink takes back what the memory has grown by. The guest's side of it can
// only grow; it takes over whatever size it is given then.
func (m *Memory) shrink(g Guest, frozen uint64) error {
	grown := m.size - frozen
	_, err := unix.MmapPtr(-1, 0, m.address(frozen), uintptr(grown), unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_FIXED)
	if err != nil {
		return err
	}
	m.size = frozen
	m.give(int64(grown))
	m.image.shrinking = true
	if _, ok := g.Grow(1); !ok || uint64(g.Size()) != frozen {
		return errors.New("the memory has grown to its end and cannot shrink")
	}
	return nil
}
