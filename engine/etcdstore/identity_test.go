package etcdstore

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

var threeMembers = []Member{{"n0", "10.0.0.1:7380"}, {"n1", "10.0.0.2:7381"}, {"n2", "[fd00::3]:7380"}}

func TestAMemberIsPlacedAsItIsToldOrElseAsItWas(t *testing.T) {
	kept := identity{
		Name: "n1", Secret: testSecret, ListenPeer: "0.0.0.0:7381", ListenClient: "0.0.0.0:7379",
		Peer: "10.0.0.2:7381", Client: "10.0.0.2:7379", Formed: true,
	}
	first := kept
	first.Formed = false
	moved := kept
	moved.Peer, moved.Client = "host-x:7381", "host-x:7379"
	elsewhere := kept
	elsewhere.ListenPeer, elsewhere.Peer = "10.0.0.2:9999", "10.0.0.2:9999"
	bound := identity{Name: "n2", Secret: testSecret, ListenPeer: "[fd00::3]:7380", ListenClient: "127.0.0.1:1", Peer: "[fd00::3]:7380", Client: "[fd00::3]:1"}
	for _, c := range []struct {
		name     string
		cluster  Cluster
		kept     *identity
		hasState bool
		want     identity
	}{
		{"by a list", Cluster{Name: "n1", Secret: testSecret, Members: threeMembers}, nil, false, first},
		{"by a list and the host's name", Cluster{Fallback: "n1", Secret: testSecret, Members: threeMembers}, nil, false, first},
		{"after an attempt that failed", Cluster{Name: "n1", Secret: testSecret, Members: threeMembers}, &identity{Name: "nx", Secret: "x", Peer: "y:1"}, false, first},
		{"again, from what it kept", Cluster{Fallback: "renamed-host"}, &kept, true, kept},
		{"again, with all it was given", Cluster{Name: "n1", Secret: testSecret, Members: threeMembers}, &kept, true, kept},
		{"again, under another address", Cluster{Advertise: "host-x"}, &kept, true, moved},
		{"again, on another port", Cluster{ListenPeer: "10.0.0.2:9999"}, &kept, true, elsewhere},
		{"on one address", Cluster{Name: "n2", Secret: testSecret, ListenPeer: "[fd00::3]:7380", ListenClient: "127.0.0.1:1"}, nil, false, bound},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.cluster.identify(t.Context(), c.kept, c.hasState, joinToken{})
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestTheSecretComesFromTheTokenOrIsMade(t *testing.T) {
	token := joinToken{Secret: testSecret, Addresses: []string{"127.0.0.1:1"}}
	joined, err := Cluster{Name: "n1", Advertise: "h"}.identify(t.Context(), nil, false, token)
	require.NoError(t, err)
	require.Equal(t, testSecret, joined.Secret)
	first, err := Cluster{Name: "n0", Advertise: "h"}.identify(t.Context(), nil, false, joinToken{})
	require.NoError(t, err)
	second, err := Cluster{Name: "n0", Advertise: "h"}.identify(t.Context(), nil, false, joinToken{})
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(first.Secret), MinSecretBytes)
	require.NotEqual(t, first.Secret, second.Secret)
	require.Equal(t, "h:7380", first.Peer)
	require.Equal(t, "h:7379", first.Client)
}

func TestAMemberThatCannotBeIsRefusedWithAHint(t *testing.T) {
	kept := &identity{Name: "n1", Secret: testSecret, ListenPeer: "0.0.0.0:1", ListenClient: "0.0.0.0:2", Peer: "h:1", Client: "h:2", Formed: true}
	token := joinToken{Secret: testSecret, Addresses: []string{"h:2"}}
	for name, c := range map[string]struct {
		cluster  Cluster
		kept     *identity
		hasState bool
		token    joinToken
		want     string
	}{
		"its state is gone":                      {Cluster{}, kept, false, joinToken{}, "credence cluster remove n1"},
		"a lonely server joins":                  {Cluster{Join: "x"}, nil, true, joinToken{}, "stood alone"},
		"a lonely server is one of a list":       {Cluster{Members: threeMembers}, nil, true, joinToken{}, "stood alone"},
		"another name":                           {Cluster{Name: "n2"}, kept, true, joinToken{}, "is called n1, not n2"},
		"no name":                                {Cluster{Name: "a b"}, nil, false, joinToken{}, "no name of a member"},
		"not in the list":                        {Cluster{Fallback: "host", Secret: testSecret, Members: threeMembers}, nil, false, joinToken{}, "host is none of the cluster's members"},
		"a list without a secret":                {Cluster{Name: "n1", Members: threeMembers}, nil, false, joinToken{}, "openssl rand -base64 32"},
		"another secret than the token's":        {Cluster{Name: "n1", Secret: testSecret + "!"}, nil, false, token, "another than the one that is configured"},
		"another secret than before":             {Cluster{Secret: testSecret + "!"}, kept, true, joinToken{}, "not that of this member's cluster"},
		"listening at a name":                    {Cluster{Name: "n1", ListenPeer: "host:1", Advertise: "h"}, nil, false, joinToken{}, "give IP:port"},
		"a host that is a URL":                   {Cluster{Name: "n1", Advertise: "https://h"}, nil, false, joinToken{}, "no host under which"},
		"listening nowhere in particular, alone": {Cluster{Name: "n1", ListenClient: "0.0.0.0"}, nil, false, joinToken{}, "give IP:port"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.cluster.identify(t.Context(), c.kept, c.hasState, c.token)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), testSecret)
		})
	}
}

func TestADamagedIdentityIsRefused(t *testing.T) {
	dir := t.TempDir()
	kept, err := loadIdentity(dir)
	require.NoError(t, err)
	require.Nil(t, kept)
	want := identity{Name: "n0", Secret: testSecret, Peer: "h:1", Formed: true}
	require.NoError(t, want.save(dir))
	kept, err = loadIdentity(dir)
	require.NoError(t, err)
	require.Equal(t, want, *kept)
	require.NoError(t, os.WriteFile(identityFile(dir), []byte("{"), 0o600))
	_, err = loadIdentity(dir)
	require.ErrorContains(t, err, "member.json cannot be read")
}

func TestAMemberIsReachedAtTheAddressOnTheWayToTheOthers(t *testing.T) {
	token := joinToken{Secret: testSecret, Addresses: []string{"127.0.0.1:7379"}}
	id, err := Cluster{Name: "n1"}.identify(t.Context(), nil, false, token)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:7380", id.Peer)
	_, err = ownAddress(t.Context(), []string{"not an address"})
	require.ErrorContains(t, err, "cluster.advertise")
}
