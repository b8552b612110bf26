package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsRememberedOfARecordIsOfItsBytes(t *testing.T) {
	memory := newDecoded[Credentials](1) // all records meet in one slot
	record := func(key string, c Credentials) Record {
		value, err := encode(c)
		require.NoError(t, err)
		return Record{Key: key, Value: value, Version: 7}
	}
	one := record("a", Credentials{ID: "one", Labels: map[string]string{"k": "v"}})
	two := record("a", Credentials{ID: "two"})
	for _, r := range []Record{one, one, two, one} {
		want := Credentials{}
		require.NoError(t, decode(r, &want))
		got, err := memory.of(r)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := memory.of(Record{Key: "a", Value: []byte("damaged"), Version: 8})
	require.Equal(t, CodeInternal, CodeOf(err))
	_, err = memory.of(Record{Key: "a", Value: []byte("damaged"), Version: 8})
	require.Error(t, err, "what does not decode is not remembered")
	large := record("a", Credentials{ID: "large", Body: make([]byte, maxDecodedBytes)})
	got, err := memory.of(large)
	require.NoError(t, err)
	require.Len(t, got.Body, maxDecodedBytes)
	require.NotEqual(t, CredentialsID("large"), memory.slots[0].Load().value.ID)
}
