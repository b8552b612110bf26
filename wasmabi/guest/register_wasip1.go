//go:build wasip1

package guest

import (
	"github.com/credence-engine/credence/wasmabi"
	"github.com/credence-engine/credence/wasmabi/guest/internal/export"
	"github.com/credence-engine/credence/wasmabi/guest/internal/host"
)

var dispatcher *Dispatcher

func bind(s Service) {
	dispatcher = NewDispatcher(s, &host.Host{
		Core: imports{}, Kv: imports{}, Clock: imports{}, Random: imports{}, HTTP: imports{}, Secrets: imports{}, Crypto: imports{},
	})
	export.VerifyProof = verifyProof
}

// verifyProof is exported by package proof.
func verifyProof(length uint32) int32 {
	if !ready() {
		return int32(wasmabi.Internal)
	}
	return int32(dispatcher.VerifyProof(readInput(length)))
}
