package wasmabi

// KvEntry is one key of a service's state with its value.
type KvEntry struct {
	Key   []byte // 1 to MaxKvKeyBytes
	Value []byte // at most MaxKvValueBytes
}

// KvPage is what kv_scan writes: entries in the order of their keys.
type KvPage struct {
	Entries []KvEntry
}

var (
	kvPageFields  = []field{1: {name: "entries", kind: message, repeated: true}}
	kvEntryFields = []field{
		1: {name: "key", kind: blob, limit: MaxKvKeyBytes},
		2: {name: "value", kind: blob, limit: MaxKvValueBytes},
	}
)

// Size returns how many bytes the entry takes in a page. The size of a page is
// the sum of those of its entries.
func (e *KvEntry) Size() int { return messageSize(e.size()) }

func (e *KvEntry) size() int { return blockSize(len(e.Key)) + blockSize(len(e.Value)) }

// Append appends the encoded message to dst.
func (m *KvPage) Append(dst []byte) []byte {
	for i := range m.Entries {
		e := &m.Entries[i]
		dst = appendHead(dst, 1, e.size())
		dst = appendBlock(dst, 1, e.Key)
		dst = appendBlock(dst, 2, e.Value)
	}
	return dst
}

// Decode reads the message from all of src. Keys and values alias src, and the
// slice of entries is used again.
func (m *KvPage) Decode(src []byte) error {
	d := decoder{message: "KvPage", fields: kvPageFields, src: src}
	m.Entries = m.Entries[:0]
	for d.next() != 0 {
		var e KvEntry
		d.err = e.decode(d.nested("KvEntry", kvEntryFields))
		m.Entries = append(m.Entries, e)
	}
	return d.err
}

func (e *KvEntry) decode(d decoder) error {
	for n := d.next(); n != 0; n = d.next() {
		switch n {
		case 1:
			e.Key = d.block
		case 2:
			e.Value = d.block
		}
	}
	d.require(1, len(e.Key) > 0)
	return d.err
}
