package engine

import (
	"hash/fnv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAShardIsTheLastByteOfTheHashOfTheID(t *testing.T) {
	for _, id := range []CredentialsID{"", "a", "some id", "\xff\x00", "b64/+=="} {
		h := fnv.New32a()
		h.Write([]byte(id))
		require.Equal(t, "cred/app/"+shardNames[byte(h.Sum32())]+"/"+string(id), credKey("app", id))
	}
	require.Equal(t, "cred/app/a9/", shardPrefixes("cred", "app")[0xa9])
}
