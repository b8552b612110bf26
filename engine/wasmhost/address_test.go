package wasmhost

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddressesAreJudgedByWhoAnswersThere(t *testing.T) {
	for want, addresses := range map[reach][]string{
		forbidden: {
			"0.0.0.0", "0.1.2.3", "169.254.0.1", "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192",
			"192.0.2.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "224.0.0.1", "239.255.255.255",
			"240.0.0.1", "255.255.255.255",
			"::", "::127.0.0.1", "::ffff:169.254.169.254", "::ffff:0.0.0.0", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1", "ff0e::1",
			"fd00:ec2::254", "fd00:ec2::253", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "3fff::1",
			"2002:7f00:1::", "2002:808:808::", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8", "100::1", "5f00::1", "4000::1",
			"2a00:1450::5efe:7f00:1", "2a00:1450::200:5efe:7f00:1",
		},
		private: {
			"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
			"::1", "fc00::1", "fd12:3456::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1",
		},
		public: {
			"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "100.63.255.255",
			"100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "223.255.255.255",
			"2606:4700:4700::1111", "2a00:1450:4001:800::200e", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
		},
	} {
		for _, a := range addresses {
			require.Equal(t, want, reachOf(netip.MustParseAddr(a)), a)
		}
	}
	require.Equal(t, forbidden, reachOf(netip.Addr{}))
}

// FuzzReachOf checks that what carries an IPv4 address inside is never more
// public than that address.
func FuzzReachOf(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte{169, 254, 169, 254})
	f.Add([]byte{8, 8, 8, 8})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) != 4 {
			return
		}
		inner := netip.AddrFrom4([4]byte(raw))
		for _, prefix := range []string{"::ffff:", "64:ff9b::", "::", "64:ff9b:1::", "2a00:1450::5efe:"} {
			outer, err := netip.ParseAddr(prefix + inner.String())
			require.NoError(t, err)
			if !outer.IsLoopback() { // ::1, which only looks as if it carried 0.0.0.1
				require.LessOrEqual(t, reachOf(outer), reachOf(inner), outer)
			}
		}
		sixToFour := netip.AddrFrom16([16]byte{0x20, 0x02, raw[0], raw[1], raw[2], raw[3]})
		require.Equal(t, forbidden, reachOf(sixToFour))
	})
}
