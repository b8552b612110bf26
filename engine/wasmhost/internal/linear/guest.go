package linear

// Guest is the side of a memory that its instance sees, an api.Memory.
type Guest interface {
	Grow(pages uint32) (before uint32, ok bool)
	Size() uint32
}
