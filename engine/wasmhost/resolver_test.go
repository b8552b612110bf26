package wasmhost

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
)

// names is a name server in the test's own process. Each name has a list of
// addresses that are answered in turn; the last stays.
type names struct {
	mu    sync.Mutex
	of    map[string][]string
	asked map[string]int // for IPv4
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go n.answer(theirs)
		return ours, nil
	}}
}

// answer serves one connection in the form of DNS over TCP: each message comes
// after its length.
func (n *names) answer(c net.Conn) {
	defer c.Close()
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		question := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, question); err != nil {
			return
		}
		name, end := "", 12
		for question[end] != 0 {
			length := int(question[end])
			name += string(question[end+1:end+1+length]) + "."
			end += 1 + length
		}
		kind := binary.BigEndian.Uint16(question[end+1:])
		message := append([]byte{question[0], question[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question[12:end+5]...)
		if address, ok := n.next(name, kind); ok {
			message[7] = 1
			message = append(message, 0xc0, 12, byte(kind>>8), byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(address)))
			message = append(message, address...)
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)); err != nil {
			return
		}
	}
}

// next returns the address of a name for the record type A (1) or AAAA (28).
func (n *names) next(name string, kind uint16) ([]byte, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.of[name]
	if len(list) == 0 {
		return nil, false
	}
	a := netip.MustParseAddr(list[0])
	if a.Is4() != (kind == 1) || a.Is6() != (kind == 28) {
		return nil, false
	}
	if n.asked == nil {
		n.asked = map[string]int{}
	}
	n.asked[name]++
	if len(list) > 1 {
		n.of[name] = list[1:]
	}
	return a.AsSlice(), true
}
