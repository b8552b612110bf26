// Command tck is a guest that calls every function of cred_v1 and judges what
// comes back, without the SDK in between. A provision of the id "kv_get" tries
// that function, and so on; it is accepted if all was as the contract says, and
// refused with INTERNAL and the list of what was not. Its configuration holds
// what it cannot know by itself.
package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/credence-engine/credence/wasmabi"
)

func main() {}

// known is the configuration.
var known struct {
	URL      string            `json:"url"`      // of an HTTP server
	Private  string            `json:"private"`  // of one that is private, and only asked for
	Expected map[string]string `json:"expected"` // in hexadecimal
	Keys     map[string]string `json:"keys"`     // public ones, in hexadecimal
	Signed   map[string]string `json:"signed"`   // signatures of "data" by them
	Text     string            `json:"text"`
}

// tries are the functions under test. Some need more than one operation.
var tries = map[string]func(t *try){
	"input_read": inputRead, "output_write": outputWrite, "error_write": errorWrite,
	"log_write": logWrite, "log_enabled": logEnabled, "config_read": configRead, "deadline_ms": deadlineMs,
	"kv_get": kvGet, "kv_put": kvPut, "kv_delete": kvDelete, "kv_scan": kvScan, "kv_later": kvLater,
	"clock_now": clockNow, "random_fill": randomFill,
	"crypto_hash": cryptoHash, "crypto_hmac": cryptoHmac, "crypto_verify": cryptoVerify, "crypto_quota": cryptoQuota,
	"secret_hmac": secretHmac, "secret_sign": secretSign,
	"http_call": httpCall, "http_refused": httpRefused, "http_headers": httpHeaders, "http_quota": httpQuota, "result_read": resultRead,
	"outside": outside,
}

// try collects what one function did wrong.
type try struct {
	request []byte
	checks  int
	wrong   []string
}

// is checks the result of a function.
func (t *try) is(what string, got int32, want int) {
	t.holds(fmt.Sprintf("%s: %d instead of %d", what, got, want), int(got) == want)
}

// holds checks anything else.
func (t *try) holds(what string, ok bool) {
	t.checks++
	if !ok {
		t.wrong = append(t.wrong, what)
	}
}

func errno(e wasmabi.Errno) int { return int(e.Return()) }

//go:wasmexport cred_abi_v1
func marker() {}

// early is what functions answered before there was an operation.
var early struct{ kv, http int32 }

//go:wasmexport cred_configure
func configure(length uint32) int32 {
	text := input(length)
	if err := json.Unmarshal(text, &known); err != nil {
		fail(err.Error())
		return int32(wasmabi.InvalidArgument)
	}
	early.kv = kvGetRaw("a", make([]byte, 8))
	early.http = httpCallRaw(get(known.URL + "/ok"))
	return 0
}

//go:wasmexport lookup_credentials
func lookup(uint32) int32 { return int32(wasmabi.NotFound) }

//go:wasmexport provide_credentials
func provide(length uint32) int32 {
	raw := input(length)
	var r wasmabi.ProvideRequest
	if err := r.Decode(raw); err != nil {
		fail(err.Error())
		return int32(wasmabi.Internal)
	}
	run := tries[r.Credentials.ID]
	if run == nil {
		return int32(wasmabi.Unsupported)
	}
	t := &try{request: raw}
	if r.Credentials.ID != "output_write" {
		defer func() {
			if len(t.wrong) == 0 {
				write(r.Credentials.Append(nil))
			}
		}()
	}
	run(t)
	logLine(fmt.Sprintf("tck %s: %d checks, %d wrong", r.Credentials.ID, t.checks, len(t.wrong)))
	if len(t.wrong) > 0 {
		fail(strings.Join(t.wrong, "; "))
		return int32(wasmabi.Internal)
	}
	return 0
}

// The marks have the host show that they answer with nothing, and that a reason
// arrives.

//go:wasmexport mark_credentials_in_use
func markInUse(uint32) int32 {
	errorWriteRaw("the first reason")
	errorWriteRaw("the last reason holds")
	return int32(wasmabi.PermissionDenied)
}

//go:wasmexport mark_credentials_revoked
func markRevoked(uint32) int32 { return 0 }

//go:wasmexport verify_proof
func verifyProof(uint32) int32 { return int32(wasmabi.PermissionDenied) }
