package engine

import (
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// Records are CBOR maps with small integer keys (RFC 8949, deterministic
// encoding): compact, quick, and open to new fields, which older nodes skip.
var (
	recordEncoding = must(cbor.EncOptions{
		Sort: cbor.SortCoreDeterministic,
		Time: cbor.TimeRFC3339NanoUTC,
	}.EncMode())
	recordDecoding = must(cbor.DecOptions{
		DupMapKey:      cbor.DupMapKeyEnforcedAPF,
		DefaultMapType: reflect.TypeFor[map[string]any](),
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("engine: fixed codec options: %v", err))
	}
	return v
}

func encode(v any) ([]byte, error) {
	b, err := recordEncoding.Marshal(v)
	if err != nil {
		return nil, Wrap(err, CodeInternal, "a record cannot be encoded")
	}
	return b, nil
}

// decode fills v, a pointer, from a record. A record that does not decode was
// not written by this engine or is damaged: whoever needs it must refuse.
func decode(r Record, v any) error {
	if err := recordDecoding.Unmarshal(r.Value, v); err != nil {
		return Wrap(fmt.Errorf("record %q at %d: %w", r.Key, r.Version, err), CodeInternal, "a stored record is damaged")
	}
	return nil
}
