//go:build wasip1

package guest

import "github.com/credence-engine/credence/wasmabi/guest/internal/host"

var (
	dispatcher *Dispatcher
	input      []byte // the request; grows to the largest one seen
)

func bind(s Service) {
	dispatcher = NewDispatcher(s, &host.Host{Core: imports{}, Kv: imports{}, Clock: imports{}, Random: imports{}})
}
