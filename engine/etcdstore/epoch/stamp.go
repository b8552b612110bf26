package epoch

import (
	"encoding/binary"
	"errors"

	"github.com/credence-engine/credence/engine"
)

// A stamp is the value of the epoch: what its commit writes, so that whoever
// is told of the commit can tell whether a part is missing. It holds the number
// of puts, and the keys of the deletes, since to delete what is absent is no
// change and nobody is told of it. Numbers are varints; a key comes after its
// length.

var errStamp = errors.New("the epoch cannot be read: it was not written by a node of this release")

func stamp(writes []engine.Write) []byte {
	puts := 0
	for _, w := range writes {
		if !w.Delete {
			puts++
		}
	}
	value := binary.AppendUvarint(nil, uint64(puts))
	for _, w := range writes {
		if w.Delete {
			value = append(binary.AppendUvarint(value, uint64(len(w.Key))), w.Key...)
		}
	}
	return value
}

func readStamp(value []byte) (puts int, deletes []string, err error) {
	n, size := binary.Uvarint(value)
	if size <= 0 || n > engine.MaxCommitWrites {
		return 0, nil, errStamp
	}
	for value = value[size:]; len(value) > 0; {
		length, size := binary.Uvarint(value)
		if size <= 0 || length > engine.MaxKeyBytes || length > uint64(len(value)-size) {
			return 0, nil, errStamp
		}
		value = value[size:]
		deletes = append(deletes, string(value[:length]))
		value = value[length:]
	}
	return int(n), deletes, nil
}
