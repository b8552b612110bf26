package wasmhost

import (
	"encoding/binary"
	"net/netip"
)

// reach says who may be asked at an address.
type reach int

const (
	forbidden reach = iota // by nobody: metadata of clouds, link-local, multicast, ...
	private                // where an operator's entry says so, and the node
	public
)

// Addresses of private networks and of the machine itself.
var privateNetworks = networks(
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", // RFC 1918
	"100.64.0.0/10",      // of carriers, and of many clusters
	"127.0.0.0/8", "::1", // this machine
	"fc00::/7", // unique local
)

// What no request ever goes to, even where it lies within a network above.
var forbiddenNetworks = networks(
	"0.0.0.0/8",                                         // this network; 0.0.0.0 reaches the machine itself
	"169.254.0.0/16",                                    // link-local, with the metadata of most clouds
	"100.100.100.200",                                   // metadata of Alibaba Cloud
	"168.63.129.16",                                     // the host agent of Azure
	"192.0.0.0/24",                                      // protocol assignments, with metadata of Oracle Cloud
	"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", // documentation
	"192.88.99.0/24", // relays of 6to4
	"198.18.0.0/15",  // benchmarks
	"224.0.0.0/4",    // multicast
	"240.0.0.0/4",    // reserved, with broadcast

	"fd00:ec2::/32",              // metadata of AWS
	"2001::/23",                  // protocol assignments, with Teredo
	"2001:db8::/32", "3fff::/20", // documentation
	"2002::/16", // 6to4
)

var (
	globalUnicast = netip.MustParsePrefix("2000::/3")
	nat64         = netip.MustParsePrefix("64:ff9b::/96")
)

func networks(all ...string) []netip.Prefix {
	prefixes := make([]netip.Prefix, len(all))
	for i, text := range all {
		if a, err := netip.ParseAddr(text); err == nil {
			prefixes[i] = netip.PrefixFrom(a, a.BitLen())
		} else {
			prefixes[i] = netip.MustParsePrefix(text)
		}
	}
	return prefixes
}

// reachOf judges an address that a connection is about to be made to. Where one
// is carried in another, the one inside counts.
func reachOf(a netip.Addr) reach {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		raw := a.As16()
		a = netip.AddrFrom4([4]byte(raw[12:]))
	}
	within := func(networks []netip.Prefix) bool {
		for _, n := range networks {
			if n.Contains(a) {
				return true
			}
		}
		return false
	}
	switch {
	case !a.IsValid() || within(forbiddenNetworks):
		return forbidden
	case within(privateNetworks):
		return private
	case a.Is6() && (!globalUnicast.Contains(a) || tunnelled(a)):
		return forbidden
	}
	return public
}

// tunnelled tells that an address is one of ISATAP, which carries one of IPv4
// in any network.
func tunnelled(a netip.Addr) bool {
	raw := a.As16()
	id := binary.BigEndian.Uint32(raw[8:])
	return id == 0x00005efe || id == 0x02005efe
}
