//go:build wasip1

package guest

import "github.com/credence-engine/credence/wasmabi/guest/internal/host"

var dispatcher *Dispatcher

func bind(s Service) {
	dispatcher = NewDispatcher(s, &host.Host{Core: imports{}, Kv: imports{}, Clock: imports{}, Random: imports{}})
}
