//go:build !linux

package linear

import "errors"

// CanRestore says whether memories can be put back on this system.
const CanRestore = false

var errNoImage = errors.New("memories cannot be put back on this system")

type image struct{ shrinking bool }

func (image) copying() bool { return false }
func (image) close()        {}

// NewRestorable fails on this system.
func NewRestorable(*Budget, Size) (*Memory, error) { return nil, errNoImage }

// Freeze fails on this system.
func (*Memory) Freeze() error { return errNoImage }

// Restore fails on this system.
func (*Memory) Restore(Guest) error { return errNoImage }
