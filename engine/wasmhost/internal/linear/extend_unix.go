//go:build unix && !linux

package linear

func (m *Memory) extend(size uint64) ([]byte, error) {
	return m.all, commit(m.all[m.size:size])
}
