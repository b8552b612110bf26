package main

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/credence-engine/credence/wasmabi/guest"
)

// record is what the service remembers of credentials: their status and the
// window that they brought along, if any.
type record struct {
	status guest.CredentialsStatus
	own    window
}

// A record is stored as one byte for the status and 8 for each end of the
// window, in seconds since 1970, 0 where the configuration applies.
const recordBytes = 1 + 8 + 8

// load returns the record of an id, or guest.ErrNotFound.
func load(kv guest.KV, id string) (record, error) {
	value, found, err := kv.Get(id)
	switch {
	case err != nil:
		return record{}, err
	case !found:
		return record{}, guest.ErrNotFound
	case len(value) != recordBytes:
		return record{}, errors.New("the record of " + id + " is damaged: provision it again")
	}
	return record{
		status: guest.CredentialsStatus(value[0]),
		own:    window{notBefore: seconds(value[1:]), notAfter: seconds(value[9:])},
	}, nil
}

func (r record) save(kv guest.KV, id string) error {
	value := append(make([]byte, 0, recordBytes), byte(r.status))
	for _, t := range []time.Time{r.own.notBefore, r.own.notAfter} {
		s := int64(0)
		if !t.IsZero() {
			s = t.Unix()
		}
		value = binary.BigEndian.AppendUint64(value, uint64(s))
	}
	return kv.Put(id, value)
}

func seconds(b []byte) time.Time {
	s := int64(binary.BigEndian.Uint64(b))
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}
