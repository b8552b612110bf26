package wasmabi

import "slices"

// ImportModule is the module name of every import of this ABI.
const ImportModule = "cred_v1"

// Names of what a module may import from [ImportModule].
const (
	ImportInputRead   = "input_read"
	ImportOutputWrite = "output_write"
	ImportErrorWrite  = "error_write"
	ImportLogWrite    = "log_write"
	ImportLogEnabled  = "log_enabled"
	ImportConfigRead  = "config_read"
	ImportDeadlineMs  = "deadline_ms"

	ImportKvGet    = "kv_get"
	ImportKvPut    = "kv_put"
	ImportKvDelete = "kv_delete"
	ImportKvScan   = "kv_scan"

	ImportClockNow   = "clock_now"
	ImportRandomFill = "random_fill"

	ImportHTTPCall     = "http_call"
	ImportResultRead   = "result_read"
	ImportSecretHmac   = "secret_hmac"
	ImportSecretSign   = "secret_sign"
	ImportCryptoHash   = "crypto_hash"
	ImportCryptoHmac   = "crypto_hmac"
	ImportCryptoVerify = "crypto_verify"
)

// Capability is a right that a manifest asks for and an operator grants: the
// name of a member of the manifest's "capabilities".
type Capability string

// The capabilities. Core needs no asking and is not named in a manifest.
const (
	Core    Capability = ""
	Kv      Capability = "kv"
	Clock   Capability = "clock"
	Random  Capability = "random"
	HTTP    Capability = "http"
	Secrets Capability = "secrets"
	Crypto  Capability = "crypto"
)

// Import describes one function that a module may import from
// [ImportModule].
type Import struct {
	Name       string
	Capability Capability
	// Params is the number of parameters, each an i32.
	Params int
	// Wide tells that the result is an i64. All others return an i32.
	Wide bool
}

var imports = []Import{
	{Name: ImportInputRead, Params: 3},
	{Name: ImportOutputWrite, Params: 2},
	{Name: ImportErrorWrite, Params: 2},
	{Name: ImportLogWrite, Params: 3},
	{Name: ImportLogEnabled, Params: 1},
	{Name: ImportConfigRead, Params: 4},
	{Name: ImportDeadlineMs},
	{Name: ImportKvGet, Capability: Kv, Params: 4},
	{Name: ImportKvPut, Capability: Kv, Params: 4},
	{Name: ImportKvDelete, Capability: Kv, Params: 2},
	{Name: ImportKvScan, Capability: Kv, Params: 6},
	{Name: ImportClockNow, Capability: Clock, Wide: true},
	{Name: ImportRandomFill, Capability: Random, Params: 2},
	{Name: ImportHTTPCall, Capability: HTTP, Params: 2},
	{Name: ImportResultRead, Capability: HTTP, Params: 4},
	{Name: ImportSecretHmac, Capability: Secrets, Params: 7},
	{Name: ImportSecretSign, Capability: Secrets, Params: 7},
	{Name: ImportCryptoHash, Capability: Crypto, Params: 5},
	{Name: ImportCryptoHmac, Capability: Crypto, Params: 7},
	{Name: ImportCryptoVerify, Capability: Crypto, Params: 7},
}

// Imports returns every import of the ABI, grouped by capability.
func Imports() []Import { return slices.Clone(imports) }
