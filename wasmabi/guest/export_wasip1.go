//go:build wasip1

package guest

import "github.com/credence-engine/credence/wasmabi"

//go:wasmexport cred_abi_v1
func marker() {}

//go:wasmexport cred_configure
func configure(length uint32) int32 {
	if !ready() {
		return int32(wasmabi.Internal)
	}
	return int32(dispatcher.Configure(readInput(length)))
}

//go:wasmexport lookup_credentials
func lookupCredentials(length uint32) int32 {
	if !ready() {
		return int32(wasmabi.Internal)
	}
	return reply(dispatcher.Lookup(readInput(length)))
}

//go:wasmexport provide_credentials
func provideCredentials(length uint32) int32 {
	if !ready() {
		return int32(wasmabi.Internal)
	}
	return reply(dispatcher.Provide(readInput(length)))
}

//go:wasmexport mark_credentials_in_use
func markCredentialsInUse(length uint32) int32 {
	if !ready() {
		return int32(wasmabi.Internal)
	}
	return reply(dispatcher.MarkInUse(readInput(length)))
}

//go:wasmexport mark_credentials_revoked
func markCredentialsRevoked(length uint32) int32 {
	if !ready() {
		return int32(wasmabi.Internal)
	}
	return reply(dispatcher.MarkRevoked(readInput(length)))
}

// ready tells whether a service is registered, and says so if none is.
func ready() bool {
	if dispatcher == nil {
		errorWrite("the module holds no service: call guest.Register from init")
	}
	return dispatcher != nil
}

// chunkBytes is how much memory for requests is allocated at a time.
const chunkBytes = 4 << 10

// chunk is where the next requests go. No part of it is written twice, so that
// a service may keep what it is given; and one allocation serves many requests.
var chunk []byte

// readInput copies the request in.
func readInput(length uint32) []byte {
	if uint32(len(chunk)) < length {
		chunk = make([]byte, max(length, chunkBytes))
	}
	n := max(inputRead(pointer(chunk), length, 0), 0)
	request := chunk[:n:n]
	chunk = chunk[n:]
	return request
}

// reply writes the answer.
func reply(answer []byte, status Status) int32 {
	if len(answer) == 0 {
		return int32(status)
	}
	if n := outputWrite(pointer(answer), uint32(len(answer))); n < 0 {
		errorWrite("the answer could not be written: " + wasmabi.Errno(-n).Error())
		return int32(wasmabi.Internal)
	}
	return int32(status)
}
