// Package host states what a guest needs from the engine that runs it: the
// imports of cred_v1, in Go's types. Package guest implements it by the
// imports themselves, package guesttest in memory.
//
// The interfaces are apart, one for each capability, and their methods carry
// the names of the imports, so that the linker leaves out of a module the
// imports that its code never reaches: the engine refuses a module that
// imports what its manifest does not ask for.
package host

import "github.com/credence-engine/credence/wasmabi"

// Host is all of it. Results that are int32 follow the ABI: 0 or more is
// success, a negative one an error number.
type Host struct {
	Core    Core
	Kv      Kv
	Clock   Clock
	Random  Random
	HTTP    HTTP
	Secrets Secrets
	Crypto  Crypto
}

// Core needs no capability.
type Core interface {
	ErrorWrite(text string)
	LogWrite(level wasmabi.Level, text string)
	LogEnabled(level wasmabi.Level) bool
	// ConfigRead returns the length of the value and copies it if it fits.
	ConfigRead(pointer string, dst []byte) int32
	DeadlineMs() int32
}

// Kv is the state of the service for one application.
type Kv interface {
	// KvGet returns the length of the value and copies it if it fits.
	KvGet(key string, dst []byte) int32
	KvPut(key string, value []byte) int32
	KvDelete(key string) int32
	// KvScan writes a page and returns its length.
	KvScan(prefix, after string, dst []byte) int32
}

// Clock tells the time.
type Clock interface {
	// ClockNow returns nanoseconds since 1970, UTC, or a negative number.
	ClockNow() int64
}

// Random gives randomness.
type Random interface {
	RandomFill(dst []byte) int32
}

// HTTP asks external systems.
type HTTP interface {
	// HTTPCall sends an encoded request and returns the handle of its response.
	HTTPCall(request []byte) int32
	// ResultRead copies the encoded response from offset on, and returns how
	// many bytes.
	ResultRead(handle int32, dst []byte, offset int) int32
}

// Secrets uses secrets by their names.
type Secrets interface {
	// SecretHmac returns the length of the HMAC and copies it if it fits.
	SecretHmac(name string, hash wasmabi.Hash, data, dst []byte) int32
	// SecretSign returns the length of the signature and copies it if it fits.
	SecretSign(name string, signature wasmabi.Signature, data, dst []byte) int32
}

// Crypto computes at native speed.
type Crypto interface {
	// CryptoHash returns the length of the digest and copies it if it fits.
	CryptoHash(hash wasmabi.Hash, data, dst []byte) int32
	// CryptoHmac returns the length of the HMAC and copies it if it fits.
	CryptoHmac(hash wasmabi.Hash, key, data, dst []byte) int32
	// CryptoVerify returns 1 for the signature of the data, 0 for another.
	CryptoVerify(signature wasmabi.Signature, key, data, sig []byte) int32
}
